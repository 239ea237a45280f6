#include "agent/observe/clocks.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <limits>

#include "agent/base/files.h"

namespace resume::agent {

namespace {

constexpr int kMostReadings = 10;
constexpr int64_t kTightNs = 1'000'000;

int64_t now_ns(clockid_t clock) noexcept {
    timespec time{};
    ::clock_gettime(clock, &time);
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

ClockSample read_clocks() noexcept {
    return read_clocks_by(now_ns);
}

ClockSample read_clocks_by(const std::function<int64_t(clockid_t)>& now) {
    ClockSample best;
    int64_t least = std::numeric_limits<int64_t>::max();
    for (int i = 0; i < kMostReadings && least > kTightNs; ++i) {
        const int64_t first = now(CLOCK_MONOTONIC);
        ClockSample sample{.boot_ns = now(CLOCK_BOOTTIME), .realtime_ns = now(CLOCK_REALTIME)};
        const int64_t span = now(CLOCK_MONOTONIC) - first;
        sample.monotonic_ns = first + span / 2;
        if (span < least) {
            least = span;
            best = sample;
        }
    }
    return best;
}

ClockChange change_between(const ClockSample& before, const ClockSample& after) noexcept {
    return {.slept_ns = after.slept_ns() - before.slept_ns(),
            .step_ns = after.wall_offset_ns() - before.wall_offset_ns()};
}

CancelTimer::CancelTimer()
    : fd_{::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC)},
      error_{fd_.valid() ? 0 : errno} {
    if (error_ == 0) {
        error_ = arm();
    }
}

int CancelTimer::arm() noexcept {
    // As far ahead as every kernel's 64-bit nanoseconds allow: it is never meant to expire.
    itimerspec when{};
    when.it_value.tv_sec = 8'000'000'000;
    const int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    return ::timerfd_settime(fd_.get(), flags, &when, nullptr) == 0 ? 0 : errno;
}

SourceState CancelTimer::state() const {
    return {.name = "timerfd",
            .available = error_ == 0,
            .detail = error_ == 0 ? "told when the wall clock is set"
                                  : explain("timerfd_settime(TFD_TIMER_CANCEL_ON_SET)", error_)};
}

bool CancelTimer::take() {
    uint64_t expirations = 0;
    const ssize_t count = ::read(fd_.get(), &expirations, sizeof expirations);
    const bool cancelled = count < 0 && errno == ECANCELED;
    if (count >= 0 || cancelled) {
        error_ = arm();
    }
    return cancelled;
}

}  // namespace resume::agent
