// Stolen time: what each vCPU waited for, over all the domains that the guest has lived in.
#include "drivers/support/emit.h"
#include "drivers/support/xen_result.h"
#include "drivers/timekeeping/timekeeping.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kTries = 1000;

/// Xen writes the area when the vCPU is scheduled; the entry time tells a torn read.
Nanoseconds read_stolen(const vcpu_runstate_info& shared) noexcept {
    Nanoseconds stolen = 0;
    for (uint32_t i = 0; i < kTries; ++i) {
        const uint64_t before = __atomic_load_n(&shared.state_entry_time, __ATOMIC_ACQUIRE);
        stolen = __atomic_load_n(&shared.time[RUNSTATE_runnable], __ATOMIC_RELAXED) +
                 __atomic_load_n(&shared.time[RUNSTATE_offline], __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if ((before & XEN_RUNSTATE_UPDATE) == 0 &&
            before == __atomic_load_n(&shared.state_entry_time, __ATOMIC_RELAXED)) {
            break;
        }
    }
    return stolen;
}

/// Grows for as long as the vCPU lives, whatever it does.
Nanoseconds read_total(const vcpu_runstate_info& shared) noexcept {
    Nanoseconds total = 0;
    for (const uint64_t& time : shared.time) {
        total += __atomic_load_n(&time, __ATOMIC_RELAXED);
    }
    return total;
}

}  // namespace

Result<> Timekeeping::register_runstate() noexcept {
    Result<> first{};
    for (uint32_t vcpu = 0; vcpu < cpu_count(machine_); ++vcpu) {
        const Result<> done = register_runstate_of(vcpu);
        first = first.ok() ? done : first;
    }
    return first;
}

Result<> Timekeeping::register_runstate_of(uint32_t vcpu) noexcept {
    vcpu_register_runstate_memory_area area{};
    area.addr.v = &shared_info_.runstate(vcpu);
    return xen_result(xen::vcpu_op(machine_, VCPUOP_register_runstate_memory_area, vcpu, area));
}

/// Xen counts the time that a vCPU was down as taken from it: `folded` goes on where it was told
/// last, and may be less than nothing.
Result<> Timekeeping::add_cpu(uint32_t vcpu) noexcept {
    const Result<> registered = register_runstate_of(vcpu);
    runstate_[vcpu].folded = runstate_[vcpu].saved - read_stolen(shared_info_.runstate(vcpu));
    return registered;
}

void Timekeeping::remove_cpu(uint32_t vcpu) noexcept {
    runstate_[vcpu].saved = stolen(vcpu);
}

void Timekeeping::snapshot_runstate() noexcept {
    for (uint32_t vcpu = 0; vcpu < cpu_count(machine_); ++vcpu) {
        runstate_[vcpu].saved = read_stolen(shared_info_.runstate(vcpu));
    }
    saved_total_ = read_total(shared_info_.runstate(0));
}

/// A soft reset gives a fresh domain whose counters may go on; adding the snapshot there would
/// count it twice. In a domain that moved they start anew (5e25f5db6abb).
bool Timekeeping::counters_restarted() const noexcept {
    return shared_info_.moved() || read_total(shared_info_.runstate(0)) < saved_total_;
}

void Timekeeping::fold_runstate(bool accumulate) noexcept {
    for (uint32_t vcpu = 0; vcpu < cpu_count(machine_) && accumulate; ++vcpu) {
        runstate_[vcpu].folded += runstate_[vcpu].saved;
    }
    emit(machine_, id(), EventKind::runstate_folded, accumulate ? 1 : 0, stolen(0));
}

Nanoseconds Timekeeping::stolen(uint32_t vcpu) const noexcept {
    RESUME_ASSERT(vcpu < kMaxVcpus);
    return runstate_[vcpu].folded + read_stolen(shared_info_.runstate(vcpu));
}

}  // namespace v0
}  // namespace resume
