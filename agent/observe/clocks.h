// The kernel's clocks as evidence. BOOTTIME minus MONOTONIC grows by the time that the kernel knows
// it slept; REALTIME minus BOOTTIME moves when somebody sets the clock. Both differences stand
// still otherwise, so one sample before and one after are enough, however far apart.
#pragma once

#include <time.h>

#include <cstdint>
#include <functional>

#include "agent/base/unique_fd.h"
#include "agent/observe/source.h"

namespace resume::agent {

struct ClockSample {
    int64_t boot_ns = 0;
    int64_t monotonic_ns = 0;
    int64_t realtime_ns = 0;

    [[nodiscard]] int64_t slept_ns() const noexcept { return boot_ns - monotonic_ns; }
    [[nodiscard]] int64_t wall_offset_ns() const noexcept { return realtime_ns - boot_ns; }
};

struct ClockChange {
    int64_t slept_ns = 0;  ///< growth of BOOTTIME - MONOTONIC
    int64_t step_ns = 0;   ///< change of REALTIME - BOOTTIME: somebody set the clock
};

using ClockReader = std::function<ClockSample()>;

/// Reads the three clocks, MONOTONIC on both sides of the others. Again where somebody else ran in
/// between, which would look like a set clock: of the readings the tightest counts.
ClockSample read_clocks() noexcept;
/// The same by `now`, which reads a clock in ns.
ClockSample read_clocks_by(const std::function<int64_t(clockid_t)>& now);
ClockChange change_between(const ClockSample& before, const ClockSample& after) noexcept;

/// Differences below this are the noise of reading three clocks one after the other.
inline constexpr int64_t kClockNoiseNs = 50'000'000;

/// A timerfd that the kernel cancels when REALTIME is set, and on every resume that suspended
/// timekeeping. It never fires otherwise.
class CancelTimer {
  public:
    CancelTimer();

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] SourceState state() const;
    /// Called when fd() is readable. True when the clock was set; arms it again.
    bool take();

  private:
    int arm() noexcept;
    UniqueFd fd_;
    int error_ = 0;
};

}  // namespace resume::agent
