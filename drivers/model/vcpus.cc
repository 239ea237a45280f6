#include "drivers/model/vcpus.h"

#include <cerrno>
#include <cstring>

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

// A handler that leaves its upcall pending is called again and again, as on real hardware.
constexpr int kStormLimit = 10'000;
constexpr uint8_t kLastGate = 0xef;

bool upcall_pending(const std::byte* info) {
    return info[offsetof(vcpu_info, evtchn_upcall_pending)] != std::byte{0};
}

}  // namespace

Vcpus::Vcpus(Machine& machine)
    : machine_{machine},
      vcpus_(machine.config.vcpus),
      online_{machine.config.vcpus - machine.config.offline} {
    for (uint32_t cpu = online_; cpu < count(); ++cpu) {
        vcpus_[cpu].down = true;
        vcpus_[cpu].initialised = false;
    }
}

void Vcpus::set_online(uint32_t count) {
    const bool more = count > online_;
    online_ = count;
    machine_.sight(more ? EventKind::cpu_online : EventKind::cpu_offline, more ? count - 1 : count);
}

std::byte* Vcpus::info(uint32_t cpu) const {
    const Vcpu& vcpu = vcpus_[cpu];
    if (vcpu.info == nullptr && cpu >= XEN_LEGACY_MAX_VCPUS) {
        return nowhere_.data();
    }
    return vcpu.info != nullptr ? vcpu.info : machine_.shared_info.page() + sizeof(vcpu_info) * cpu;
}

void Vcpus::raise_upcall(uint32_t cpu) {
    std::byte* info = this->info(cpu);
    const bool was = upcall_pending(info);
    info[offsetof(vcpu_info, evtchn_upcall_pending)] = std::byte{1};
    if (!was && vcpus_[cpu].upcall_vector != 0) {
        vcpus_[cpu].lapic_requested = true;
    }
}

void Vcpus::mark_pending(uint32_t cpu, uint32_t port) {
    std::byte* info = this->info(cpu);
    if (machine_.shared_info.wide()) {
        uint64_t selector = 0;
        std::memcpy(&selector, info + offsetof(vcpu_info, evtchn_pending_sel), sizeof selector);
        selector |= uint64_t{1} << (port / 64);
        std::memcpy(info + offsetof(vcpu_info, evtchn_pending_sel), &selector, sizeof selector);
    } else {
        uint32_t selector = 0;
        std::memcpy(&selector, info + 4, sizeof selector);
        selector |= 1u << (port / 32);
        std::memcpy(info + 4, &selector, sizeof selector);
    }
    raise_upcall(cpu);
}

bool Vcpus::deliverable(uint32_t cpu) {
    const Vcpu& vcpu = vcpus_[cpu];
    if (machine_.kvm) {
        return vcpu.vectors.any() && !vcpu.parked && vcpu.irqs_on && !vcpu.in_interrupt;
    }
    const bool nowhere = vcpu.info == nullptr && cpu >= XEN_LEGACY_MAX_VCPUS;
    if (nowhere || vcpu.parked || vcpu.down || !vcpu.irqs_on || vcpu.in_interrupt) {
        return false;
    }
    if (vcpu.upcall_vector != 0) {
        return vcpu.lapic_on && vcpu.lapic_requested && !vcpu.lapic_in_service;
    }
    switch (route_) {
        case CallbackRoute::none:
            return false;
        case CallbackRoute::gsi:
        case CallbackRoute::pci_intx:
            return cpu == 0 && upcall_pending(info(cpu));
        case CallbackRoute::vector:
            return upcall_pending(info(cpu));
    }
    return false;
}

void Vcpus::run_gate(uint32_t cpu, uint8_t vector) {
    const Gate gate = gates_[vector];
    if (gate.handler == nullptr) {
        machine_.fault("an interrupt came on a vector that has no gate");
    }
    const uint32_t interrupted = current_;
    vcpus_[cpu].in_interrupt = true;
    set_current(cpu);
    {
        const GuestSection guest{machine_};
        gate.handler(machine_, cpu, gate.argument);
    }
    current_ = interrupted;
    vcpus_[cpu].in_interrupt = false;
}

void Vcpus::take(uint32_t cpu) {
    Vcpu& vcpu = vcpus_[cpu];
    if (machine_.kvm) {
        const auto vector = static_cast<uint8_t>(vcpu.vectors._Find_first());
        vcpu.vectors.reset(vector);
        run_gate(cpu, vector);
        return;
    }
    if (vcpu.upcall_vector != 0) {
        vcpu.lapic_requested = false;
        vcpu.lapic_in_service = true;
        run_gate(cpu, vcpu.upcall_vector);
        return;
    }
    run_gate(cpu, route_ == CallbackRoute::vector ? route_vector_ : line_gate_);
}

bool Vcpus::deliver() {
    bool any = false;
    for (uint32_t cpu = 0; cpu < count(); ++cpu) {
        for (int storm = 0; deliverable(cpu); ++storm) {
            if (storm == kStormLimit) {
                machine_.die(GuestEnd::hung, "the interrupt handler never clears its upcall");
            }
            take(cpu);
            any = true;
        }
    }
    return any;
}

void Vcpus::eoi(uint32_t cpu) {
    vcpus_[cpu].lapic_in_service = false;
}

Result<uint8_t> Vcpus::allocate_gate(IrqHandler handler, void* argument) {
    if (next_gate_ > kLastGate) {
        return Errc::no_space;
    }
    const uint8_t vector = next_gate_++;
    gates_[vector] = {handler, argument};
    if (line_gate_ == 0) {
        line_gate_ = vector;
    }
    return vector;
}

void Vcpus::set_callback(uint64_t param) {
    route_vector_ = static_cast<uint8_t>(param);
    switch (param >> 56) {
        case HVM_PARAM_CALLBACK_TYPE_GSI:
            route_ = param == 0 ? CallbackRoute::none : CallbackRoute::gsi;
            break;
        case HVM_PARAM_CALLBACK_TYPE_PCI_INTX:
            route_ = CallbackRoute::pci_intx;
            break;
        case HVM_PARAM_CALLBACK_TYPE_VECTOR:
            route_ = CallbackRoute::vector;
            break;
        default:
            route_ = CallbackRoute::none;
            break;
    }
}

// The mechanism by which one CPU calls another is an IPI; a guest that bound none has another.
bool Vcpus::reachable(uint32_t cpu) {
    if (!machine_.channels.has_ipi(cpu)) {
        return true;
    }
    const bool routed = route_ == CallbackRoute::vector || vcpus_[cpu].upcall_vector != 0;
    return routed && machine_.channels.open_ipi(cpu) != 0;
}

void Vcpus::end_blocking(Nanoseconds since) {
    const Nanoseconds now = machine_.clock.now();
    for (uint32_t cpu = 0; cpu < count(); ++cpu) {
        Vcpu& vcpu = vcpus_[cpu];
        const Nanoseconds from = since > vcpu.runstate_since ? since : vcpu.runstate_since;
        vcpu.runstate[RUNSTATE_running] += from - vcpu.runstate_since;
        vcpu.runstate[RUNSTATE_blocked] += now - from;
        vcpu.runstate_since = now;
        vcpu.unpublished = true;
    }
}

void Vcpus::publish_times(uint32_t cpu) {
    if (vcpus_[cpu].unpublished) {
        vcpus_[cpu].unpublished = false;
        machine_.timekeeping.publish(cpu);
    }
}

void Vcpus::set_current(uint32_t cpu) {
    current_ = cpu;
    publish_times(cpu);
}

void Vcpus::add_steal(uint32_t cpu, Nanoseconds stolen) {
    vcpus_[cpu].runstate[RUNSTATE_runnable] += stolen;
    publish_runstate(cpu, machine_.timekeeping.system_time());
}

void Vcpus::publish_runstate(uint32_t cpu, Nanoseconds system) {
    const Vcpu& vcpu = vcpus_[cpu];
    if (vcpu.runstate_area == nullptr) {
        return;
    }
    vcpu_runstate_info info{};  // copied: a guest with a bug may have registered any address
    info.state = RUNSTATE_running;
    info.state_entry_time = system;
    for (std::size_t i = 0; i < vcpu.runstate.size(); ++i) {
        info.time[i] = vcpu.runstate[i];
    }
    std::memcpy(vcpu.runstate_area, &info, sizeof info);
}

void Vcpus::unregister() {
    for (Vcpu& vcpu : vcpus_) {
        vcpu.info = nullptr;
        vcpu.time_area = nullptr;
        vcpu.runstate_area = nullptr;
    }
}

void Vcpus::forget() {
    unregister();
    for (Vcpu& vcpu : vcpus_) {
        stop_timer(vcpu.singleshot);
        stop_timer(vcpu.periodic);
        vcpu.upcall_vector = 0;
        vcpu.lapic_requested = false;
        vcpu.runstate = {};
        vcpu.runstate_since = machine_.clock.now();
    }
    route_ = CallbackRoute::none;
}

void Vcpus::begin() {
    if (machine_.host().vcpu_period == 0) {
        return;
    }
    for (uint32_t cpu = 0; cpu < count(); ++cpu) {
        vcpus_[cpu].period = machine_.host().vcpu_period;
        arm_periodic(cpu);
    }
}

}  // namespace resume::model
