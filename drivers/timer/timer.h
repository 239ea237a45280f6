// Rank timer: Xen's one-shot timer of each vCPU, delivered as VIRQ_TIMER. Xen forgets what was
// armed when the domain moves, and starts a periodic timer on a fresh vCPU. Each CPU arms its own.
#pragma once

#include "drivers/event_channels/event_channels.h"

namespace resume {
inline namespace v0 {

/// The vCPU's interrupts are off; it may arm the next one. Look at the clock, not at the event: one
/// may come early.
using TimerHandler = void (*)(void* argument, uint32_t cpu) noexcept;

class Timer final : public Device {
  public:
    Timer(Machine& machine, EventChannels& events, Bugs bugs) noexcept;

    /// Boot, CPU 0: binds VIRQ_TIMER of every CPU below cpu_count, stops the periodic timers.
    Result<> boot(BootContext& boot) noexcept;
    /// A vCPU that will be brought up; one that is gone: no timer is armed for it any more. Thread
    /// context, CPU 0.
    Result<> add_cpu(uint32_t cpu) noexcept;
    void remove_cpu(uint32_t cpu) noexcept;

    /// Before the first arm().
    void set_handler(TimerHandler handler, void* argument) noexcept;
    /// Arms the timer of the calling CPU for an absolute Xen system time; in the past means at
    /// once. Any context.
    Result<> arm(Nanoseconds system_time) noexcept;
    /// Disarms the calling CPU's.
    void stop() noexcept;
    [[nodiscard]] uint64_t ticks(uint32_t cpu) const noexcept;

    /// The moment that the armed timer of `cpu` was meant for; 0 = not armed.
    [[nodiscard]] Nanoseconds armed_for(uint32_t cpu) const noexcept;
    /// Timekeeping only: system time jumped by `delta` (two's complement) while the guest was away;
    /// arms the calling CPU's timer again if it was armed, and shifts what the others armed.
    Result<> moved(int64_t delta) noexcept;
    /// After a resume, when the other CPUs run again: each arms its own (EINVAL for anybody
    /// else's).
    void rearm_other_cpus() noexcept;

  private:
    Result<> bind(uint32_t cpu) noexcept;
    Result<> syscore_suspend(SyscoreContext&) noexcept;
    Result<> syscore_resume(SyscoreContext&, Outcome) noexcept;
    Progress late_suspend(ThreadContext&) noexcept;
    Progress late_resume(ThreadContext&, Outcome) noexcept;
    Result<> stop_periodic() noexcept;
    Result<> rearm() noexcept;
    static void on_virq(void* self, uint32_t cpu) noexcept;
    static void rearm_here(Machine&, uint32_t cpu, void* self) noexcept;
    static CheckedOps table(Bugs bugs) noexcept;
    static const DriverOps kOps;
    static const DriverOps kLateOps;  ///< bug timer_after_devices

    struct PerVcpu {
        Channel channel;
        Nanoseconds armed_for = 0;
        uint64_t ticks = 0;
    };
    Machine& machine_;
    EventChannels& events_;
    TimerHandler handler_ = nullptr;
    void* argument_ = nullptr;
    PerVcpu vcpus_[kMaxVcpus];
};

}  // namespace v0
}  // namespace resume
