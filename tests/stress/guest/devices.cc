#include "tests/stress/guest/devices.h"

#include "drivers/model/machine.h"

namespace resume::stress {

constexpr DriverOps OrdinaryDevice::kOps = {
    .driver = "ordinary",
    .prepare = thread_down<&OrdinaryDevice::prepare>,
    .suspend = thread_down<&OrdinaryDevice::suspend>,
    .suspend_late = thread_down<&OrdinaryDevice::suspend_late>,
    .suspend_noirq = noirq_down<&OrdinaryDevice::suspend_noirq>,
    .resume_noirq = noirq_up<&OrdinaryDevice::resume_noirq>,
    .resume_early = thread_up<&OrdinaryDevice::resume_early>,
    .resume = thread_up<&OrdinaryDevice::resume>,
    .complete = thread_up<&OrdinaryDevice::complete>,
};

OrdinaryDevice::OrdinaryDevice(void* guest, void (*read_clock)(void* guest) noexcept, Bugs bugs,
                               const char* name) noexcept
    : Device{kOps, name}, guest_{guest}, read_clock_{read_clock}, bugs_{bugs} {}

// The completion comes from an interrupt of the machine's, so what schedules it is the machine's.
Progress OrdinaryDevice::later(ThreadContext& context, uint32_t ms) noexcept {
    completer_ = context.defer();
    if (!behaviour.never_completes) {
        const model::HostSection host{context.machine()};
        context.machine().clock.after(ms * model::kMillisecond, [this] { completer_.complete(); });
    }
    return Progress::pending();
}

void OrdinaryDevice::begin(Phase phase) noexcept {
    if (behaviour.meanwhile) {
        behaviour.meanwhile(phase);
    }
}

Progress OrdinaryDevice::prepare(ThreadContext&) noexcept {
    begin(Phase::prepare);
    if (behaviour.refuse != Errc::none && behaviour.refuse_in == Phase::prepare) {
        return behaviour.refuse;
    }
    return Progress::done();
}

Progress OrdinaryDevice::complete(ThreadContext&, Outcome) noexcept {
    ++cycles;
    return Progress::done();
}

Progress OrdinaryDevice::suspend(ThreadContext& context) noexcept {
    begin(Phase::suspend);
    if (behaviour.refuse != Errc::none && behaviour.refuse_in == Phase::suspend) {
        return {behaviour.refuse, -16};
    }
    if (behaviour.suspend_wait_ms != 0 || behaviour.never_completes) {
        return later(context, behaviour.suspend_wait_ms);
    }
    return Progress::done();
}

Progress OrdinaryDevice::resume(ThreadContext& context, Outcome outcome) noexcept {
    if (behaviour.reads_clock) {
        read_clock_(guest_);
    }
    if (outcome == Outcome::aborted && bugs_.has(Bug::lost_completion)) {
        completer_ = context.defer();  // and whoever waits for it waits for ever
        return Progress::pending();
    }
    if (outcome != Outcome::resumed) {
        return Progress::done();
    }
    ++reconnects;
    return behaviour.resume_wait_ms != 0 ? later(context, behaviour.resume_wait_ms)
                                         : Progress::done();
}

Progress OrdinaryDevice::suspend_late(ThreadContext&) noexcept {
    begin(Phase::suspend_late);
    if (behaviour.refuse != Errc::none && behaviour.refuse_in == Phase::suspend_late) {
        return {behaviour.refuse, -16};
    }
    return Progress::done();
}

Progress OrdinaryDevice::resume_early(ThreadContext&, Outcome) noexcept {
    return Progress::done();
}

Result<> OrdinaryDevice::suspend_noirq(NoirqContext&) noexcept {
    begin(Phase::suspend_noirq);
    if (behaviour.refuse != Errc::none && behaviour.refuse_in == Phase::suspend_noirq) {
        return {behaviour.refuse, -16};
    }
    return {};
}

Result<> OrdinaryDevice::resume_noirq(NoirqContext& context, Outcome) noexcept {
    if (behaviour.reads_clock) {
        read_clock_(guest_);
    }
    if (behaviour.calls_cpus) {
        on_each_cpu(
            context.machine(), [](Machine&, uint32_t, void*) noexcept {}, nullptr);
    }
    return {};
}

const std::vector<OwnDevice>& standard_devices(model::GuestKind guest) {
    static const auto named = [](const char* disk, const char* interface) {
        return std::vector<OwnDevice>{
            {.name = disk, .parent = "", .suspend_ms = 2, .resume_ms = 10},
            {.name = interface, .parent = "", .suspend_ms = 0, .resume_ms = 5},
            {.name = "rtc", .parent = "", .suspend_ms = 0, .resume_ms = 0}};
    };
    static const std::vector<OwnDevice> xen = named("vbd-51712", "vif-0");
    static const std::vector<OwnDevice> kvm = named("vda", "eth0");
    return guest == model::GuestKind::kvm ? kvm : xen;
}

}  // namespace resume::stress
