// Rank timekeeping: the guest's clocks on KVM's (Linux: arch/x86/kernel/kvmclock.c). Each CPU tells
// KVM by an MSR where its clock is to be written; on the way down each takes that back, so that
// nobody writes into an image or into the memory of whoever loads it (4.6.4).
//
// Monotonic time goes on where it stood: over S3 and an image by an offset that is computed anew
// before the first read. After a migration that nobody announced the host's clock may be anything
// (failures 13, 14, 28): one that went back or leapt is noticed at the next read, held against the
// raw counter, and the offset set right. The wall clock is a distance from monotonic time, so that
// whatever the host does to its clock moves it only when it is stepped.
#pragma once

#include "drivers/kvmclock/areas.h"
#include "drivers/support/limits.h"
#include "drivers/timekeeping/pvclock.h"
#include "drivers/xen_guest/bugs.h"
#include "libresume/device.h"

namespace resume {
inline namespace v0 {

class Kvmclock final : public Device {
  public:
    /// `areas`: one a CPU, page-aligned, the guest's for ever; `wall` within one page.
    Kvmclock(Machine& machine, KvmVcpuArea* areas, KvmWallClock& wall, Bugs bugs) noexcept;

    /// Boot, CPU 0. unsupported without KVM_FEATURE_CLOCKSOURCE2.
    Result<> boot(BootContext& boot) noexcept;
    /// On the calling CPU, interrupts off: tells KVM where its clock is, or that it is gone.
    void cpu_up(uint32_t cpu) noexcept;
    void cpu_down(uint32_t cpu) noexcept;

    /// Never goes back; stands still over S3 and an image. Any context, any CPU but between this
    /// rank's hooks.
    [[nodiscard]] Nanoseconds monotonic() noexcept;
    /// Nanoseconds since 1970 by the last reading or step.
    [[nodiscard]] Nanoseconds wall() noexcept;
    /// How far wall() is behind the host's real time now; negative: ahead. Asks the host: an exit.
    [[nodiscard]] int64_t wall_error_ns() noexcept;
    /// Moves wall() by so much.
    void step_wall(int64_t by_ns) noexcept;

    /// TSC ticks of the calling CPU in `duration`, at the rate that the host tells now.
    [[nodiscard]] Ticks tsc_ticks(Nanoseconds duration) const noexcept;
    /// The host says that it had stopped the guest: told once for each CPU and stop.
    [[nodiscard]] bool take_stopped(uint32_t cpu) noexcept;
    /// How often the host's clock was found set anew under a running guest.
    [[nodiscard]] uint32_t rebases() const noexcept { return rebases_; }
    [[nodiscard]] uint64_t unsettled_reads() const noexcept { return unsettled_; }

  private:
    Progress prepare(ThreadContext&) noexcept;
    Progress complete(ThreadContext&, Outcome) noexcept;
    Result<> syscore_suspend(SyscoreContext&) noexcept;
    Result<> syscore_resume(SyscoreContext&, Outcome) noexcept;
    Nanoseconds raw_unguarded() noexcept;
    Nanoseconds boot_rate_time() const noexcept;
    Nanoseconds set_right(Nanoseconds now, uint64_t offset, Nanoseconds shown) noexcept;
    [[nodiscard]] Nanoseconds since_anchor() const noexcept;
    void drop_anchor(Nanoseconds monotonic) noexcept;
    [[nodiscard]] Nanoseconds host_wall() noexcept;
    void trace_read(uint32_t which, Nanoseconds value) noexcept;
    static const DriverOps kOps;

    Machine& machine_;
    KvmVcpuArea* areas_;
    KvmWallClock& wall_area_;
    Bugs bugs_;
    uint64_t guard_ = 0;       ///< the largest that was shown
    uint64_t offset_ = 0;      ///< monotonic less KVM's clock, modulo 2^64
    int64_t wall_offset_ = 0;  ///< wall less monotonic
    Nanoseconds anchor_ = 0;   ///< monotonic time when the raw counter showed anchor_ticks_
    Ticks anchor_ticks_ = 0;
    bool setting_right_ = false;  ///< by one CPU at a time
    Nanoseconds last_raw_ = 0;    ///< what stands in for a clock that does not settle
    Nanoseconds down_monotonic_ = 0;
    bool away_ = false;
    uint32_t rebases_ = 0;
    uint64_t unsettled_ = 0;
    Ticks boot_tsc_ = 0;  ///< bug boot_rate_clock only
};

}  // namespace v0
}  // namespace resume
