#include "drivers/xen_guest/xen_guest.h"

#include "drivers/support/boot_code.h"

namespace resume {
inline namespace v0 {

XenGuest::XenGuest(Machine& machine, const XenGuestConfig& config) noexcept
    : machine_{machine},
      config_{config},
      hypercall_page_{machine, config.pages.hypercall_page, config.bugs},
      shared_info_{machine, hypercall_page_, config.pages.shared_info, config.pages.vcpu_areas,
                   config.bugs},
      events_{machine, shared_info_, config.bugs, config.pages.fifo},
      callback_{machine, events_, hypercall_page_, config.callback, config.bugs},
      timer_{machine, events_, config.bugs},
      time_{machine, shared_info_, timer_, config.bugs},
      grants_{machine, config.pages.grant_table, config.pages.grant_frames, config.bugs},
      unplug_{machine, config.unplug},
      console_{machine, events_, config.bugs},
      store_{machine, events_, config.bugs},
      early_clock_{time_},
      engine_{machine, engine_config(*this, config)} {}

XenGuest::~XenGuest() {
    // The engine goes first, as the last member, and lets go of the devices.
    events_.release_all();
}

/// The order that is known to work (and the reverse of which is not): page before shared_info
/// before the callback, channels before timers, timers before clocks.
RESUME_BOOT_CODE Result<> XenGuest::boot(BootContext& boot) noexcept {
    RESUME_TRY(hypercall_page_.boot(boot));
    RESUME_TRY(shared_info_.boot(boot));
    RESUME_TRY(events_.boot(boot));
    RESUME_TRY(callback_.boot(boot));
    RESUME_TRY(bind_ipis());
    RESUME_TRY(timer_.boot(boot));
    RESUME_TRY(time_.boot(boot));
    RESUME_TRY(grants_.boot(boot));
    RESUME_TRY(unplug_.boot(boot));
    if (const Result<> console = console_.boot(boot);
        !console.ok() && console.error().code != Errc::unsupported) {
        return console;
    }
    RESUME_TRY(store_.boot(boot));
    return add_drivers();
}

RESUME_BOOT_CODE Result<> XenGuest::boot_cpu(BootContext& boot) noexcept {
    return callback_.boot_cpu(boot);
}

RESUME_BOOT_CODE Result<> XenGuest::bind_ipis() noexcept {
    for (uint32_t cpu = 0; cpu < cpu_count(machine_); ++cpu) {
        RESUME_TRY(bind_ipi(cpu));
    }
    return {};
}

Result<> XenGuest::bind_ipi(uint32_t cpu) noexcept {
    ipis_[cpu].handler = config_.ipi;
    ipis_[cpu].argument = config_.ipi_argument;
    return events_.bind_ipi(ipis_[cpu], cpu);
}

/// As at boot: areas, channels, timer, clocks. What an attempt before this one has bound is bound.
Result<> XenGuest::add_cpu(uint32_t cpu) noexcept {
    RESUME_ASSERT(cpu == cpu_count(machine_) && cpu < kMaxVcpus);
    RESUME_ASSERT(!engine_.running() || config_.bugs.has(Bug::hotplug_in_cycle));
    RESUME_TRY(shared_info_.add_cpu(cpu));
    RESUME_TRY(events_.add_cpu(cpu));
    Result<> done = bind_ipi(cpu);
    done = done.ok() ? timer_.add_cpu(cpu) : done;
    done = done.ok() ? time_.add_cpu(cpu) : done;
    if (!done.ok()) {
        remove_cpu(cpu);
    }
    return done;
}

Result<> XenGuest::enter_cpu() noexcept {
    return callback_.enter_cpu();
}

/// Its area and its control block stay Xen's for as long as the domain lives.
void XenGuest::remove_cpu(uint32_t cpu) noexcept {
    time_.remove_cpu(cpu);
    timer_.remove_cpu(cpu);
    events_.close(ipis_[cpu]);
    events_.remove_cpu(cpu);
    callback_.remove_cpu();
}

/// Parents first.
RESUME_BOOT_CODE Result<> XenGuest::add_drivers() noexcept {
    RESUME_TRY(engine_.add(hypercall_page_, nullptr));
    RESUME_TRY(engine_.add(shared_info_, &hypercall_page_));
    RESUME_TRY(engine_.add(callback_, &shared_info_));
    RESUME_TRY(engine_.add(events_, &shared_info_));
    if (!config_.bugs.has(Bug::timer_after_devices)) {
        RESUME_TRY(add_timers());
    }
    RESUME_TRY(engine_.add(grants_, &shared_info_));
    RESUME_TRY(engine_.add(unplug_, nullptr));
    RESUME_TRY(engine_.add(console_, &events_));
    RESUME_TRY(engine_.add(store_, &events_));
    if (config_.bugs.has(Bug::clock_before_remap)) {
        RESUME_TRY(engine_.add(early_clock_, &hypercall_page_));
    }
    return {};
}

Result<> XenGuest::add_timers() noexcept {
    RESUME_TRY(engine_.add(timer_, &events_));
    return engine_.add(time_, &timer_);
}

Result<> XenGuest::add(Device& device, Device* parent) noexcept {
    return engine_.add(device, parent != nullptr ? parent : &store_);
}

Result<> XenGuest::remove(Device& device) noexcept {
    return engine_.remove(device);
}

Result<CycleResult> XenGuest::suspend(const Request& request) noexcept {
    if (config_.bugs.has(Bug::timer_after_devices) && !timer_.registered()) {
        // After whatever the embedder has: the bus attaches the timer last.
        RESUME_TRY(add_timers());
    }
    return engine_.run(request);
}

bool XenGuest::send_ipi(uint32_t cpu) noexcept {
    RESUME_ASSERT(cpu < kMaxVcpus);
    return events_.notify(ipis_[cpu]);
}

}  // namespace v0
}  // namespace resume
