// Signals as something to poll, the same for the daemon and its helpers. Allocates nothing.
#pragma once

#include <initializer_list>

namespace resume::agent {

/// Blocks `signals` in the calling thread and says them over the signalfd that it returns
/// (close-on-exec and `flags`; the caller's to close), or -1 and errno. SIGPIPE is ignored from
/// then on: a reader that is gone is seen where it is written to. Before any other thread is
/// started.
int take_signals(std::initializer_list<int> signals, int flags = 0) noexcept;

}  // namespace resume::agent
