// Rank timekeeping: the guest's clocks on Xen's. Monotonic time goes on after a resume where it
// stood: the guard that keeps it from going back is reset and the offset computed anew before the
// first read (failures 13, 14), because the new host's system time may be far smaller. The wall
// clock is read again (L22). Stolen time is accumulated once, and only on a real resume (L14).
#pragma once

#include "drivers/timekeeping/pvclock.h"
#include "drivers/timer/timer.h"

namespace resume {
inline namespace v0 {

class Timekeeping final : public Device {
  public:
    Timekeeping(Machine& machine, const SharedInfo& shared_info, Timer& timer, Bugs bugs) noexcept;

    /// Boot, CPU 0: registers the runstate areas, reads the wall clock's base.
    Result<> boot(BootContext& boot) noexcept;
    /// A vCPU that will be brought up; one that is gone. It has lost nothing meanwhile. Thread
    /// context, CPU 0.
    Result<> add_cpu(uint32_t vcpu) noexcept;
    void remove_cpu(uint32_t vcpu) noexcept;

    /// Never goes back, does not count the time away in a resumed cycle. Any context, any CPU but
    /// between the hypercall and this rank's resume.
    [[nodiscard]] Nanoseconds monotonic() noexcept;
    /// Xen's own time since the host started, of the calling CPU; what Timer::arm takes.
    [[nodiscard]] Nanoseconds system_time() noexcept;
    /// Nanoseconds since 1970, of the base that was read at boot or at the last resume.
    [[nodiscard]] Nanoseconds wall() noexcept;
    /// Time that the vCPU was runnable and did not run, over all its domains.
    [[nodiscard]] Nanoseconds stolen(uint32_t vcpu) const noexcept;
    /// Arms the calling CPU's timer `delay` from now.
    Result<> arm_after(Nanoseconds delay) noexcept;
    /// Bug clock_before_remap only: reads as Linux does, without a bound, from shared_info. Panics
    /// when a minute has passed, or when even the raw counter stands still.
    void read_unbounded() noexcept;
    /// Reads that did not settle; the last value stood in.
    [[nodiscard]] uint64_t unsettled_reads() const noexcept { return unsettled_; }

  private:
    Progress prepare(ThreadContext&) noexcept;
    Progress complete(ThreadContext&, Outcome) noexcept;
    Result<> syscore_suspend(SyscoreContext&) noexcept;
    Result<> syscore_resume(SyscoreContext&, Outcome) noexcept;
    Progress late_suspend(ThreadContext&) noexcept;
    Progress late_resume(ThreadContext&, Outcome) noexcept;
    void go_down() noexcept;
    Result<> come_up(Outcome outcome, DomainEvidence evidence) noexcept;
    Result<> register_runstate() noexcept;
    Result<> register_runstate_of(uint32_t vcpu) noexcept;
    void snapshot_runstate() noexcept;
    [[nodiscard]] bool counters_restarted() const noexcept;
    void fold_runstate(bool accumulate) noexcept;
    Nanoseconds raw_unguarded() noexcept;
    void read_wall_base() noexcept;
    void trace_read(uint32_t which, Nanoseconds value) noexcept;
    static CheckedOps table(Bugs bugs) noexcept;
    static const DriverOps kOps;
    static const DriverOps kLateOps;  ///< bug timer_after_devices

    struct Runstate {
        Nanoseconds saved = 0;   ///< counter just before the hypercall
        Nanoseconds folded = 0;  ///< of the domains before this one
    };
    Machine& machine_;
    const SharedInfo& shared_info_;
    Timer& timer_;
    Bugs bugs_;
    uint64_t guard_ = 0;
    int64_t offset_ = 0;
    Nanoseconds down_raw_ = 0;
    Nanoseconds down_monotonic_ = 0;
    bool away_ = false;  ///< between syscore_suspend and syscore_resume
    WallBase wall_base_{};
    uint64_t unsettled_ = 0;
    Nanoseconds saved_total_ = 0;  ///< vCPU 0's whole life, just before the hypercall
    Runstate runstate_[kMaxVcpus];
};

}  // namespace v0
}  // namespace resume
