// The TSC and Xen's clocks as one guest sees them: pvclock of each vCPU, the wall clock in
// shared_info, steal time. All follow the virtual host time.
#pragma once

#include <cstdint>

#include "drivers/model/config.h"
#include "drivers/model/fwd.h"

namespace resume::model {

class Timekeeping {
  public:
    explicit Timekeeping(Machine& machine);

    /// The guest's TSC now.
    [[nodiscard]] Ticks ticks() const;
    [[nodiscard]] uint64_t hz() const { return hz_; }
    /// Simulation time at which the guest's TSC shows `ticks`; kNever when that is too far away.
    [[nodiscard]] Nanoseconds when(Ticks ticks) const;
    /// Xen's system time: this host's uptime.
    [[nodiscard]] Nanoseconds system_time() const;
    /// Simulation time of a system time; the past gives now.
    [[nodiscard]] Nanoseconds when_system(Nanoseconds system) const;

    /// Writes the vCPU's time areas and, with `wall`, the wall clock (seqlocks, as Xen does).
    void publish(uint32_t cpu) { publish(cpu, stamp()); }
    void publish_all();
    void publish_wall();
    /// The vCPUs' state was saved: an emulated TSC stands still from here to the restore.
    void freeze();
    /// It runs again, on this host's clocks.
    void arrive(const HostConfig& host, bool new_domain);

  private:
    Machine& machine_;
    const HostConfig* host_;
    uint64_t hz_;
    Ticks anchor_ticks_;
    Nanoseconds anchor_ = 0;
    /// The last whole second since the anchor that ticks() saw begin.
    mutable Nanoseconds second_ = 0;
    mutable Ticks second_ticks_;
    bool frozen_ = false;
    uint32_t mul_ = 0;
    int8_t shift_ = 0;
    uint32_t wall_version_ = 0;

    struct Stamp {
        Ticks ticks;
        Nanoseconds system;
    };

    void set_scale(uint64_t hz);
    /// From now on the TSC goes on from `ticks`.
    void anchor(Ticks ticks);
    [[nodiscard]] Stamp stamp() const { return {ticks(), system_time()}; }
    void publish(uint32_t cpu, const Stamp& now);
    void write_time(std::byte* at, const Stamp& now) const;
};

}  // namespace resume::model
