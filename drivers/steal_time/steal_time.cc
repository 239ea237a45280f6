#include "drivers/steal_time/steal_time.h"

#include "drivers/support/boot_code.h"
#include "drivers/support/emit.h"
#include "drivers/support/physical.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kTries = 1000;

/// msr.rst: an odd version is an update in progress.
Nanoseconds read_counter(const kvm_steal_time& shared) noexcept {
    Nanoseconds steal = 0;
    for (uint32_t i = 0; i < kTries; ++i) {
        const uint32_t before = __atomic_load_n(&shared.version, __ATOMIC_ACQUIRE);
        steal = __atomic_load_n(&shared.steal, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (before % 2 == 0 && before == __atomic_load_n(&shared.version, __ATOMIC_RELAXED)) {
            break;
        }
    }
    return steal;
}

}  // namespace

constexpr DriverOps StealTime::kOps = {
    .driver = "steal_time",
    .rank = SystemRank::other,
    .prepare = thread_down<&StealTime::prepare>,
    .syscore_suspend = syscore_down<&StealTime::syscore_suspend>,
    .syscore_resume = syscore_up<&StealTime::syscore_resume>,
    .complete = thread_up<&StealTime::complete>,
};

StealTime::StealTime(Machine& machine, KvmVcpuArea* areas, Kvmclock& clock, Bugs bugs) noexcept
    : Device{kOps, "steal_time"}, machine_{machine}, areas_{areas}, clock_{clock}, bugs_{bugs} {}

RESUME_BOOT_CODE Result<> StealTime::boot(BootContext&) noexcept {
    offered_ = (kvm_features(machine_) & 1U << KVM_FEATURE_STEAL_TIME) != 0;
    cpu_up(0);
    return {};
}

void StealTime::cpu_up(uint32_t cpu) noexcept {
    if (offered_) {
        write_msr(machine_, MSR_KVM_STEAL_TIME,
                  physical_address(machine_, &areas_[cpu].steal) | KVM_MSR_ENABLED);
    }
}

void StealTime::cpu_down(uint32_t) noexcept {
    if (offered_ && !bugs_.has(Bug::kvm_areas_kept)) {
        write_msr(machine_, MSR_KVM_STEAL_TIME, 0);
    }
}

Nanoseconds StealTime::stolen(uint32_t cpu) noexcept {
    RESUME_ASSERT(cpu < kMaxVcpus);
    Count& count = counts_[cpu];
    const Nanoseconds seen = read_counter(areas_[cpu].steal);
    const Nanoseconds now = clock_.monotonic();
    const Nanoseconds grown = seen - count.seen;  // modulo 2^64: what went back is huge
    if (bugs_.has(Bug::steal_taken_as_is) || grown <= now - count.when) {
        count.total += grown;
    } else {
        ++restarts_;
    }
    count.seen = seen;
    count.when = now;
    return count.total;
}

/// A look before and after, so that whatever happened to the counter meanwhile is not ours.
Progress StealTime::prepare(ThreadContext&) noexcept {
    (void)stolen(0);
    return Progress::done();
}

Progress StealTime::complete(ThreadContext&, Outcome) noexcept {
    emit(machine_, id(), EventKind::runstate_folded, 0, stolen(0));
    return Progress::done();
}

Result<> StealTime::syscore_suspend(SyscoreContext&) noexcept {
    cpu_down(0);
    return {};
}

Result<> StealTime::syscore_resume(SyscoreContext&, Outcome) noexcept {
    cpu_up(0);
    return {};
}

}  // namespace v0
}  // namespace resume
