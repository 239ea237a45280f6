// Rank timer: the local APIC's timer in TSC-deadline mode, through the x2APIC's MSRs (Intel SDM
// volume 3, "TSC-Deadline Mode" and "x2APIC Register Address Space"). A deadline is made of the
// rate that the clock's page tells now, since the TSC of another host may run at another; one that
// fires early is armed for the rest. A reset of the CPU loses the timer's entry, which is how S3 in
// another life is told from one that was none.
#pragma once

#include "drivers/kvmclock/kvmclock.h"

namespace resume {
inline namespace v0 {

class ApicTimer final : public Device {
  public:
    /// Called on the timer's CPU, interrupts off.
    using Handler = void (*)(void* argument, uint32_t cpu) noexcept;

    ApicTimer(Machine& machine, Kvmclock& clock) noexcept;

    Result<> boot(BootContext& boot) noexcept;
    /// On the calling CPU, interrupts off, after its clock.
    void cpu_up(uint32_t cpu) noexcept;
    void set_handler(Handler handler, void* argument) noexcept;

    /// Arms the calling CPU's timer, in place of what it was armed for.
    void arm_after(Nanoseconds delay) noexcept;
    /// The next resume is another life, whatever the APIC says: an image was loaded by a kernel
    /// that may have set its timer up as we do.
    void expect_another_life() noexcept { another_life_ = true; }

  private:
    static void on_irq(Machine& machine, uint32_t cpu, void* argument) noexcept;
    Result<> syscore_suspend(SyscoreContext&) noexcept;
    Result<> syscore_resume(SyscoreContext&, Outcome) noexcept;
    void set_deadline(Ticks ticks) noexcept;
    static const DriverOps kOps;

    Machine& machine_;
    Kvmclock& clock_;
    Handler handler_ = nullptr;
    void* argument_ = nullptr;
    uint64_t entry_ = 0;
    bool another_life_ = false;
    Nanoseconds due_[kMaxVcpus] = {};  ///< monotonic; 0 = not armed
};

}  // namespace v0
}  // namespace resume
