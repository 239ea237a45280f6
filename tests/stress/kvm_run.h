// One run of resume-guest with a guest of KVM's: boots it, takes it through the wanted outcomes of
// one kind, reports each.
#pragma once

#include <atomic>

#include "tests/stress/guest/loaded_virtio.h"
#include "tests/stress/options.h"

namespace resume::stress {

class KvmRun {
  public:
    explicit KvmRun(const GuestOptions& options);

    ExitCode run();
    /// SIGTERM: as GuestRun::stop. Async-signal-safe.
    void stop() noexcept;

  private:
    bool boot();
    /// False when the guest is dead.
    bool cycle(Outcome wanted);
    void report(Outcome wanted);

    GuestOptions options_;
    KvmModelledGuest guest_;
    LoadedVirtio devices_;
    std::atomic<bool> stopped_{false};
    size_t reported_ = 0;
    bool all_right_ = true;
};

/// Whether a cycle of that kind can come to that: s2idle loses nothing and cannot be told from one
/// that was called off at the last moment, and a migration that is called off before the guest is
/// stopped is seen by nobody in it. Null when it can, else why not.
const char* why_never(Kind kind, Outcome outcome);

}  // namespace resume::stress
