#include "drivers/kvmclock/kvmclock.h"

#include "drivers/support/boot_code.h"
#include "drivers/support/emit.h"
#include "drivers/support/physical.h"

namespace resume {
inline namespace v0 {
namespace {

// EventKind::clock_read, arg32.
constexpr uint32_t kMonotonic = 0;
constexpr uint32_t kWall = 1;
constexpr uint64_t kNsPerSecond = 1'000'000'000;
/// CPUs' clocks differ by less; a clock that is further back may have been set anew.
constexpr int64_t kSkewMaxNs = 1'000'000;
/// A step ahead of what was shown last that is worth a look at the raw counter.
constexpr int64_t kWorthALookNs = 200'000'000;
/// What clock and counter may differ by: so much, and a thousandth of the time since they were one.
constexpr Nanoseconds kDriftNs = 100'000'000;

/// value * by / of, without 128 bits: of * by fits in 64.
uint64_t scaled(uint64_t value, uint64_t by, uint64_t of) noexcept {
    return value / of * by + value % of * by / of;
}

}  // namespace

constexpr DriverOps Kvmclock::kOps = {
    .driver = "kvmclock",
    .rank = SystemRank::timekeeping,
    .prepare = thread_down<&Kvmclock::prepare>,
    .syscore_suspend = syscore_down<&Kvmclock::syscore_suspend>,
    .syscore_resume = syscore_up<&Kvmclock::syscore_resume>,
    .complete = thread_up<&Kvmclock::complete>,
};

Kvmclock::Kvmclock(Machine& machine, KvmVcpuArea* areas, KvmWallClock& wall, Bugs bugs) noexcept
    : Device{kOps, "kvmclock"}, machine_{machine}, areas_{areas}, wall_area_{wall}, bugs_{bugs} {}

RESUME_BOOT_CODE Result<> Kvmclock::boot(BootContext&) noexcept {
    if ((kvm_features(machine_) & 1U << KVM_FEATURE_CLOCKSOURCE2) == 0) {
        return Errc::unsupported;
    }
    cpu_up(0);
    boot_tsc_ = read_tsc(machine_);
    offset_ = 0 - raw_unguarded();  // it begins at 0, as Linux's does (kvm_sched_clock_init)
    drop_anchor(0);
    wall_offset_ = static_cast<int64_t>(host_wall() - monotonic());
    trace_read(kWall, wall());
    return {};
}

void Kvmclock::cpu_up(uint32_t cpu) noexcept {
    write_msr(machine_, MSR_KVM_SYSTEM_TIME_NEW,
              physical_address(machine_, &areas_[cpu].time) | KVM_MSR_ENABLED);
}

void Kvmclock::cpu_down(uint32_t) noexcept {
    if (!bugs_.has(Bug::kvm_areas_kept)) {
        write_msr(machine_, MSR_KVM_SYSTEM_TIME_NEW, 0);
    }
}

/// Bug boot_rate_clock only: the TSC at the rate that it had at boot.
Nanoseconds Kvmclock::boot_rate_time() const noexcept {
    return scaled(read_tsc(machine_) - boot_tsc_, kNsPerSecond, counter_hz(machine_));
}

Nanoseconds Kvmclock::raw_unguarded() noexcept {
    if (bugs_.has(Bug::boot_rate_clock)) {
        return boot_rate_time();
    }
    const vcpu_time_info& shared = areas_[current_cpu(machine_)].time;
    const Result<vcpu_time_info> time = pvclock_snapshot(shared, kPvclockTries);
    if (!time.ok()) {
        ++unsettled_;
        return last_raw_;
    }
    last_raw_ = pvclock_scale(time.value(), read_tsc(machine_));
    return last_raw_;
}

Nanoseconds Kvmclock::since_anchor() const noexcept {
    return scaled(raw_counter(machine_) - anchor_ticks_, kNsPerSecond, counter_hz(machine_));
}

void Kvmclock::drop_anchor(Nanoseconds monotonic) noexcept {
    anchor_ = monotonic;
    anchor_ticks_ = raw_counter(machine_);
}

/// The clock is behind what was shown, or far ahead of it. The raw counter tells whether so much
/// time has passed; if not, the host's clock was set anew, and the offset takes it up.
Nanoseconds Kvmclock::set_right(Nanoseconds now, uint64_t offset, Nanoseconds shown) noexcept {
    if (bugs_.has(Bug::clock_guard_kept) || bugs_.has(Bug::host_clock_trusted) ||
        bugs_.has(Bug::boot_rate_clock) || bugs_.has(Bug::clock_offset_kept) || away_ ||
        __atomic_exchange_n(&setting_right_, true, __ATOMIC_ACQUIRE)) {
        return now;
    }
    const Nanoseconds passed = since_anchor();
    const Nanoseconds expected = anchor_ + passed;
    const auto error = static_cast<int64_t>(now - expected);
    const Nanoseconds size = static_cast<Nanoseconds>(error < 0 ? -error : error);
    if (size > kDriftNs + passed / 1000) {
        const uint64_t right = offset - static_cast<uint64_t>(error);
        __atomic_store_n(&offset_, right, __ATOMIC_RELAXED);
        ++rebases_;
        emit(machine_, id(), EventKind::clock_offset, 0, right);
        now = expected;
    }
    drop_anchor(static_cast<int64_t>(now - shown) > 0 ? now : shown);
    __atomic_store_n(&setting_right_, false, __ATOMIC_RELEASE);
    return now;
}

Nanoseconds Kvmclock::monotonic() noexcept {
    const uint64_t offset = __atomic_load_n(&offset_, __ATOMIC_RELAXED);
    Nanoseconds now = raw_unguarded() + offset;
    if (away_) {
        // Too early: whoever asks shows the oracle that the order is broken.
        trace_read(kMonotonic, now);
    }
    uint64_t last = __atomic_load_n(&guard_, __ATOMIC_RELAXED);
    const auto ahead = static_cast<int64_t>(now - last);
    if (ahead > kWorthALookNs || ahead < -kSkewMaxNs) {
        now = set_right(now, offset, last);
    }
    while (static_cast<int64_t>(now - last) > 0) {
        if (__atomic_compare_exchange_n(&guard_, &last, now, true, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED)) {
            return now;
        }
    }
    return last;
}

Nanoseconds Kvmclock::wall() noexcept {
    return monotonic() + static_cast<uint64_t>(wall_offset_);
}

/// KVM writes the structure once for each write of the MSR (msr.rst), so this is now's real time.
Nanoseconds Kvmclock::host_wall() noexcept {
    write_msr(machine_, MSR_KVM_WALL_CLOCK_NEW, physical_address(machine_, &wall_area_));
    for (uint32_t i = 0; i < kPvclockTries; ++i) {
        const uint32_t before = __atomic_load_n(&wall_area_.version, __ATOMIC_ACQUIRE);
        const uint64_t seconds = __atomic_load_n(&wall_area_.seconds, __ATOMIC_RELAXED);
        const uint64_t nanoseconds = __atomic_load_n(&wall_area_.nanoseconds, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (before % 2 == 0 && before == __atomic_load_n(&wall_area_.version, __ATOMIC_RELAXED)) {
            return seconds * kNsPerSecond + nanoseconds + raw_unguarded();
        }
    }
    ++unsettled_;
    return wall();
}

int64_t Kvmclock::wall_error_ns() noexcept {
    const Nanoseconds host = host_wall();
    return static_cast<int64_t>(host - wall());
}

void Kvmclock::step_wall(int64_t by_ns) noexcept {
    wall_offset_ += by_ns;
    trace_read(kWall, wall());
}

/// The inverse of pvclock_scale: ns = (ticks shifted by tsc_shift) * mul >> 32. Divided in two
/// steps, since a kernel has no division of 128 bits.
Ticks Kvmclock::tsc_ticks(Nanoseconds duration) const noexcept {
    const vcpu_time_info& shared = areas_[current_cpu(machine_)].time;
    const Result<vcpu_time_info> time = pvclock_snapshot(shared, kPvclockTries);
    if (!time.ok() || time.value().tsc_to_system_mul == 0 || bugs_.has(Bug::boot_rate_clock)) {
        return scaled(duration, counter_hz(machine_), kNsPerSecond);
    }
    const uint64_t mul = time.value().tsc_to_system_mul;
    const Ticks shifted = ((duration / mul) << 32) + ((duration % mul) << 32) / mul;
    const int8_t shift = time.value().tsc_shift;
    return shift >= 0 ? shifted >> shift : shifted << -shift;
}

bool Kvmclock::take_stopped(uint32_t cpu) noexcept {
    constexpr auto kOthers = static_cast<uint8_t>(~kGuestStopped);
    const uint8_t before = __atomic_fetch_and(&areas_[cpu].time.flags, kOthers, __ATOMIC_SEQ_CST);
    return (before & kGuestStopped) != 0;
}

void Kvmclock::trace_read(uint32_t which, Nanoseconds value) noexcept {
    emit(machine_, id(), EventKind::clock_read, which, value);
}

Progress Kvmclock::prepare(ThreadContext&) noexcept {
    trace_read(kMonotonic, monotonic());
    return Progress::done();
}

Progress Kvmclock::complete(ThreadContext&, Outcome) noexcept {
    trace_read(kMonotonic, monotonic());
    return Progress::done();
}

Result<> Kvmclock::syscore_suspend(SyscoreContext&) noexcept {
    down_monotonic_ = monotonic();
    cpu_down(0);
    away_ = true;
    return {};
}

/// Registered again in any outcome, since it was taken back in any. Where the guest was away its
/// clock goes on where it stood; where it never left, KVM's clock did.
Result<> Kvmclock::syscore_resume(SyscoreContext&, Outcome outcome) noexcept {
    cpu_up(0);
    if (outcome == Outcome::resumed) {
        if (!bugs_.has(Bug::clock_offset_kept)) {
            offset_ = down_monotonic_ - raw_unguarded();
            emit(machine_, id(), EventKind::clock_offset, 0, offset_);
        }
        guard_ = bugs_.has(Bug::clock_guard_kept) ? guard_ : down_monotonic_;
        drop_anchor(down_monotonic_);
        if (!bugs_.has(Bug::wall_not_read)) {
            away_ = false;
            wall_offset_ = static_cast<int64_t>(host_wall() - monotonic());
            trace_read(kWall, wall());
        }
    }
    away_ = false;
    return {};
}

}  // namespace v0
}  // namespace resume
