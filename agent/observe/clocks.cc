#include "agent/observe/clocks.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/files.h"

namespace resume::agent {

namespace {

int64_t now_ns(clockid_t clock) noexcept {
    timespec time{};
    ::clock_gettime(clock, &time);
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

ClockSample read_clocks() noexcept {
    const int64_t first = now_ns(CLOCK_MONOTONIC);
    ClockSample sample{.boot_ns = now_ns(CLOCK_BOOTTIME), .realtime_ns = now_ns(CLOCK_REALTIME)};
    sample.monotonic_ns = first + (now_ns(CLOCK_MONOTONIC) - first) / 2;
    return sample;
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
