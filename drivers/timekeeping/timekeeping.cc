#include "drivers/timekeeping/timekeeping.h"

#include "drivers/support/boot_code.h"
#include "drivers/support/emit.h"
#include "drivers/support/xen_result.h"

namespace resume {
inline namespace v0 {
namespace {

// EventKind::clock_read, arg32.
constexpr uint32_t kMonotonic = 0;
constexpr uint32_t kWall = 1;
constexpr uint64_t kNsPerSecond = 1'000'000'000;

}  // namespace

constexpr DriverOps Timekeeping::kOps = {
    .driver = "timekeeping",
    .rank = SystemRank::timekeeping,
    .prepare = thread_down<&Timekeeping::prepare>,
    .syscore_suspend = syscore_down<&Timekeeping::syscore_suspend>,
    .syscore_resume = syscore_up<&Timekeeping::syscore_resume>,
    .complete = thread_up<&Timekeeping::complete>,
};

constexpr DriverOps Timekeeping::kLateOps = {
    .driver = "timekeeping",
    .prepare = thread_down<&Timekeeping::prepare>,
    .suspend = thread_down<&Timekeeping::late_suspend>,
    .resume = thread_up<&Timekeeping::late_resume>,
    .complete = thread_up<&Timekeeping::complete>,
};

CheckedOps Timekeeping::table(Bugs bugs) noexcept {
    // Named, since clang 14 dies of two consteval constructors in one conditional.
    constexpr CheckedOps kRanked{kOps};
    constexpr CheckedOps kLate{kLateOps};
    return bugs.has(Bug::timer_after_devices) ? kLate : kRanked;
}

Timekeeping::Timekeeping(Machine& machine, const SharedInfo& shared_info, Timer& timer,
                         Bugs bugs) noexcept
    : Device{table(bugs), "timekeeping"},
      machine_{machine},
      shared_info_{shared_info},
      timer_{timer},
      bugs_{bugs} {}

RESUME_BOOT_CODE Result<> Timekeeping::boot(BootContext&) noexcept {
    read_wall_base();
    return register_runstate();
}

Nanoseconds Timekeeping::raw_unguarded() noexcept {
    const vcpu_time_info& shared = shared_info_.vcpu(current_cpu(machine_)).time;
    const Result<vcpu_time_info> time = pvclock_snapshot(shared, kPvclockTries);
    if (!time.ok()) {
        ++unsettled_;
        return __atomic_load_n(&guard_, __ATOMIC_RELAXED);
    }
    return pvclock_scale(time.value(), raw_counter(machine_));
}

/// vCPUs may differ by a little: what one has shown, no other goes below.
Nanoseconds Timekeeping::system_time() noexcept {
    const Nanoseconds now = raw_unguarded();
    uint64_t last = __atomic_load_n(&guard_, __ATOMIC_RELAXED);
    while (now > last) {
        if (__atomic_compare_exchange_n(&guard_, &last, now, true, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED)) {
            return now;
        }
    }
    return last;
}

void Timekeeping::read_unbounded() noexcept {
    const Ticks begin = raw_counter(machine_);
    const Ticks minute = counter_hz(machine_) * 60;
    const vcpu_time_info& shared = shared_info_.page().vcpu_info[current_cpu(machine_)].time;
    trace_read(kMonotonic, shared.system_time);
    while (!pvclock_snapshot(shared, 1).ok()) {
        const Ticks gone = raw_counter(machine_) - begin;
        if (gone == 0 || gone > minute) {
            panic("the clock never settles: shared_info is not mapped", __FILE__, __LINE__);
        }
    }
}

Nanoseconds Timekeeping::monotonic() noexcept {
    const Nanoseconds now = system_time() + static_cast<uint64_t>(offset_);
    if (away_) {
        // Too early: whoever asks shows the oracle that the order is broken.
        trace_read(kMonotonic, now);
    }
    return now;
}

Nanoseconds Timekeeping::wall() noexcept {
    return wall_base_.seconds * kNsPerSecond + wall_base_.nanoseconds + system_time();
}

Result<> Timekeeping::arm_after(Nanoseconds delay) noexcept {
    return timer_.arm(system_time() + delay);
}

void Timekeeping::trace_read(uint32_t which, Nanoseconds value) noexcept {
    emit(machine_, id(), EventKind::clock_read, which, value);
}

/// A base that does not settle is an error of the host's; the old one stays.
void Timekeeping::read_wall_base() noexcept {
    if (const WallBase* early = shared_info_.early_wall_base(); early != nullptr) {
        wall_base_ = *early;
        return;
    }
    const Result<WallBase> base = shared_info_.read_wall_base();
    if (base.ok()) {
        wall_base_ = base.value();
    } else {
        ++unsettled_;
    }
}

Progress Timekeeping::prepare(ThreadContext&) noexcept {
    trace_read(kMonotonic, monotonic());
    return Progress::done();
}

Progress Timekeeping::complete(ThreadContext&, Outcome) noexcept {
    trace_read(kMonotonic, monotonic());
    return Progress::done();
}

Result<> Timekeeping::syscore_suspend(SyscoreContext&) noexcept {
    go_down();
    return {};
}

Result<> Timekeeping::syscore_resume(SyscoreContext& context, Outcome outcome) noexcept {
    return come_up(outcome, context.evidence());
}

Progress Timekeeping::late_suspend(ThreadContext&) noexcept {
    go_down();
    return Progress::done();
}

Progress Timekeeping::late_resume(ThreadContext&, Outcome outcome) noexcept {
    return come_up(outcome, DomainEvidence::fresh);
}

void Timekeeping::go_down() noexcept {
    down_raw_ = system_time();
    down_monotonic_ = monotonic();
    snapshot_runstate();
    away_ = true;
}

Result<> Timekeeping::come_up(Outcome outcome, DomainEvidence evidence) noexcept {
    if (outcome != Outcome::resumed) {
        away_ = false;
        fold_runstate(outcome == Outcome::cancelled && bugs_.has(Bug::runstate_twice));
        return {};
    }
    // pvclock_resume, then the offset, then the first read: in this order only.
    if (!bugs_.has(Bug::clock_guard_kept)) {
        __atomic_store_n(&guard_, uint64_t{0}, __ATOMIC_SEQ_CST);
    }
    const Nanoseconds now = system_time();
    if (!bugs_.has(Bug::clock_offset_kept)) {
        offset_ = static_cast<int64_t>(down_monotonic_ - now);
        emit(machine_, id(), EventKind::clock_offset, 0, static_cast<uint64_t>(offset_));
    }
    away_ = false;
    trace_read(kMonotonic, monotonic());
    read_wall_base();
    trace_read(kWall, wall());
    const bool fresh = evidence == DomainEvidence::fresh;
    const Result<> registered = fresh ? register_runstate() : Result<>{};
    fold_runstate(fresh && counters_restarted());
    const Result<> rearmed = timer_.moved(static_cast<int64_t>(now - down_raw_));
    return registered.ok() ? rearmed : registered;
}

}  // namespace v0
}  // namespace resume
