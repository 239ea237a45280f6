#include "agent/base/signals.h"

#include <signal.h>
#include <sys/signalfd.h>

namespace resume::agent {

int take_signals(std::initializer_list<int> signals, int flags) noexcept {
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    for (const int number : signals) {
        sigaddset(&set, number);
    }
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    return ::signalfd(-1, &set, SFD_CLOEXEC | flags);
}

}  // namespace resume::agent
