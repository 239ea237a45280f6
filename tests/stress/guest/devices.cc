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

void OrdinaryDevice::insist(bool kept, const char* promise) noexcept {
    if (!kept && broken == nullptr) {
        broken = promise;
    }
}

void OrdinaryDevice::move(Place from, Place to) noexcept {
    insist(place_ == from, to > from ? "a hook of the way down came without the one before it"
                                     : "a hook of the way up came without its mirror");
    place_ = to;
}

void OrdinaryDevice::begin(Phase phase) noexcept {
    if (behaviour.meanwhile) {
        behaviour.meanwhile(phase);
    }
}

bool OrdinaryDevice::refuses(Phase phase) const noexcept {
    return behaviour.refuse != Errc::none && behaviour.refuse_in == phase;
}

Progress OrdinaryDevice::prepare(ThreadContext&) noexcept {
    begin(Phase::prepare);
    if (refuses(Phase::prepare)) {
        return behaviour.refuse;
    }
    move(Place::up, Place::prepared);
    return Progress::done();
}

Progress OrdinaryDevice::complete(ThreadContext&, Outcome) noexcept {
    move(Place::prepared, Place::up);
    was_at_the_bottom_ = false;
    ++cycles;
    return Progress::done();
}

Progress OrdinaryDevice::suspend(ThreadContext& context) noexcept {
    begin(Phase::suspend);
    insist(!tasks_frozen || tasks_frozen(), "it was to suspend while tasks ran");
    if (refuses(Phase::suspend)) {
        return {behaviour.refuse, -16};
    }
    if (behaviour.never_completes) {
        return later(context, 0);
    }
    move(Place::prepared, Place::suspended);
    return behaviour.suspend_wait_ms != 0 ? later(context, behaviour.suspend_wait_ms)
                                          : Progress::done();
}

Progress OrdinaryDevice::resume(ThreadContext& context, Outcome outcome) noexcept {
    move(Place::suspended, Place::prepared);
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
    if (refuses(Phase::suspend_late)) {
        return {behaviour.refuse, -16};
    }
    move(Place::suspended, Place::late);
    return Progress::done();
}

Progress OrdinaryDevice::resume_early(ThreadContext&, Outcome outcome) noexcept {
    insist(outcome == Outcome::aborted || was_at_the_bottom_ || leaves,
           "the guest was away, and its suspend_noirq hook was never called");
    move(Place::late, Place::suspended);
    return Progress::done();
}

Result<> OrdinaryDevice::suspend_noirq(NoirqContext&) noexcept {
    begin(Phase::suspend_noirq);
    if (refuses(Phase::suspend_noirq)) {
        return {behaviour.refuse, -16};
    }
    move(Place::late, Place::noirq);
    was_at_the_bottom_ = true;
    return {};
}

Result<> OrdinaryDevice::resume_noirq(NoirqContext& context, Outcome) noexcept {
    move(Place::noirq, Place::late);
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
