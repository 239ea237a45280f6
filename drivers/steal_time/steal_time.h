// Rank other: the time that each vCPU waited for its host (Linux: arch/x86/kernel/kvm.c). KVM adds
// to a counter in the guest's memory; after a migration that counter has been seen to begin anew
// and to leap (failures 10, 11; Launchpad 1494350). What a guest counts never goes back, and grows
// by no more than the time that has passed.
#pragma once

#include "drivers/kvmclock/kvmclock.h"

namespace resume {
inline namespace v0 {

class StealTime final : public Device {
  public:
    StealTime(Machine& machine, KvmVcpuArea* areas, Kvmclock& clock, Bugs bugs) noexcept;

    /// Boot, CPU 0. Without KVM_FEATURE_STEAL_TIME it counts nothing, which is no error.
    Result<> boot(BootContext& boot) noexcept;
    /// On the calling CPU, interrupts off.
    void cpu_up(uint32_t cpu) noexcept;
    void cpu_down(uint32_t cpu) noexcept;

    /// Time that the vCPU was ready and did not run, since boot. Thread context.
    [[nodiscard]] Nanoseconds stolen(uint32_t cpu) noexcept;
    /// How often a counter was found set anew, back or beyond what time had passed.
    [[nodiscard]] uint32_t restarts() const noexcept { return restarts_; }

  private:
    Progress prepare(ThreadContext&) noexcept;
    Progress complete(ThreadContext&, Outcome) noexcept;
    Result<> syscore_suspend(SyscoreContext&) noexcept;
    Result<> syscore_resume(SyscoreContext&, Outcome) noexcept;
    static const DriverOps kOps;

    struct Count {
        Nanoseconds seen = 0;   ///< the host's counter when it was looked at last
        Nanoseconds total = 0;  ///< ours
        Nanoseconds when = 0;   ///< monotonic, then
    };
    Machine& machine_;
    KvmVcpuArea* areas_;
    Kvmclock& clock_;
    Bugs bugs_;
    bool offered_ = false;
    uint32_t restarts_ = 0;
    Count counts_[kMaxVcpus];
};

}  // namespace v0
}  // namespace resume
