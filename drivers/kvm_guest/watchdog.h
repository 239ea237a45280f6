// A CPU that has not ticked for long is locked up, unless the host had stopped it (Linux:
// kernel/watchdog.c, pvclock_touch_watchdogs).
#pragma once

#include "drivers/support/limits.h"
#include "libresume/terms.h"

namespace resume {
inline namespace v0 {

class Watchdog {
  public:
    static constexpr Nanoseconds kPatienceNs = 20'000'000'000;

    /// On `cpu`, at each tick, monotonic time. `excused`: the host says that it had stopped us.
    void tick(uint32_t cpu, Nanoseconds now, bool excused) noexcept {
        if (excused) {
            touch_all(now);
        }
        if (last_[cpu] != 0 && now > last_[cpu] + kPatienceNs) {
            ++lockups_;
        }
        last_[cpu] = now;
    }
    void touch_all(Nanoseconds now) noexcept {
        for (Nanoseconds& last : last_) {
            last = last != 0 ? now : 0;
        }
    }
    [[nodiscard]] uint32_t lockups() const noexcept { return lockups_; }

  private:
    Nanoseconds last_[kMaxVcpus] = {};
    uint32_t lockups_ = 0;
};

}  // namespace v0
}  // namespace resume
