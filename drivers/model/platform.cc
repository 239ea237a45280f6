// libresume/platform/machine.h on the modelled machine.
#include "libresume/platform/machine.h"

#include "drivers/model/kvm/host.h"
#include "drivers/model/machine.h"

namespace resume {
inline namespace v0 {

using model::HostSection;

uint32_t cpu_count(const Machine& machine) noexcept {
    return machine.vcpus.online();
}
uint32_t current_cpu(const Machine& machine) noexcept {
    return machine.vcpus.current();
}

void on_each_cpu(Machine& machine, PerCpuFunction function, void* argument) noexcept {
    const HostSection host{machine};
    const uint32_t caller = machine.vcpus.current();
    for (uint32_t cpu = 0; cpu < machine.vcpus.online(); ++cpu) {
        model::Vcpu& vcpu = machine.vcpus.at(cpu);
        if (cpu != caller && (vcpu.parked || !vcpu.irqs_on || !machine.vcpus.reachable(cpu))) {
            machine.die(model::GuestEnd::hung,
                        "vCPU " + std::to_string(cpu) +
                            " never answers a call from another: no interrupt reaches it");
        }
        const bool irqs = vcpu.irqs_on;
        vcpu.irqs_on = false;
        machine.vcpus.set_current(cpu);
        {
            const model::GuestSection guest{machine};
            function(machine, cpu, argument);
        }
        vcpu.irqs_on = irqs;
    }
    machine.vcpus.set_current(caller);
}

Result<> park_other_cpus(Machine& machine) noexcept {
    const HostSection host{machine};
    constexpr Nanoseconds kPatience = model::kSecond;
    const uint32_t caller = machine.vcpus.current();
    for (uint32_t cpu = 0; cpu < machine.vcpus.online(); ++cpu) {
        if (cpu == caller) {
            continue;
        }
        const auto hit = machine.faults.meet(model::FaultSite::park, cpu);
        if (hit) {
            machine.sight(EventKind::fault_injected, hit->index);
        }
        if (hit || !machine.vcpus.reachable(cpu)) {
            machine.clock.spend(kPatience);
            unpark_other_cpus(machine);
            return Errc::timed_out;
        }
        machine.clock.spend(2 * model::kMicrosecond);
        if (machine.kvm) {
            machine.kvm->cpu_down(cpu);
        }
        machine.vcpus.at(cpu).parked = true;
        machine.sight(EventKind::cpu_parked, cpu);
    }
    return {};
}

void unpark_other_cpus(Machine& machine) noexcept {
    const HostSection host{machine};
    for (uint32_t cpu = 0; cpu < machine.vcpus.online(); ++cpu) {
        if (machine.vcpus.at(cpu).parked) {
            if (machine.kvm) {
                machine.kvm->cpu_up(cpu);
            }
            machine.vcpus.at(cpu).parked = false;
            machine.sight(EventKind::cpu_unparked, cpu);
        }
    }
}

void disable_irqs(Machine& machine) noexcept {
    const HostSection host{machine};
    machine.vcpus.at(machine.vcpus.current()).irqs_on = false;
    machine.sight(EventKind::irqs_disabled);
}

void enable_irqs(Machine& machine) noexcept {
    const HostSection host{machine};
    machine.vcpus.at(machine.vcpus.current()).irqs_on = true;
    machine.sight(EventKind::irqs_enabled);
    machine.clock.run_due();
    machine.vcpus.deliver();
}

void wait_for_interrupt(Machine& machine, Ticks deadline) noexcept {
    const HostSection host{machine};
    const uint32_t cpu = machine.vcpus.current();
    if (!machine.vcpus.at(cpu).irqs_on) {
        machine.die(model::GuestEnd::hung, "waits for an interrupt with interrupts off");
    }
    const Nanoseconds since = machine.clock.now();
    const Nanoseconds until = machine.timekeeping.when(deadline);
    machine.clock.run_due();
    while (!machine.vcpus.deliver() && machine.clock.now() < until) {
        if (machine.clock.now() > machine.run_limit) {
            machine.die(model::GuestEnd::impatience, "still busy when the time was up");
        }
        if (!machine.clock.run_next(until)) {
            machine.die(model::GuestEnd::hung, "waits for ever: nothing can wake it");
        }
        machine.vcpus.end_blocking(since);
    }
    machine.vcpus.publish_times(cpu);
}

Ticks raw_counter(const Machine& machine) noexcept {
    // A reader that spins takes time, and for ever is recognised.
    auto& self = const_cast<Machine&>(machine);
    self.clock.spend(machine.config.counter_read_cost);
    if (++machine.idle_reads > machine.config.spin_limit) {
        self.die(model::GuestEnd::hung, "spins: reads the counter and nothing else");
    }
    return machine.timekeeping.ticks();
}

uint64_t counter_hz(const Machine& machine) noexcept {
    return machine.config.hosts.front().tsc_hz;
}

void* frame_address(Machine& machine, Gfn gfn) noexcept {
    const HostSection host{machine};
    return machine.memory.page(gfn);
}

Gfn frame_of(Machine& machine, const void* address) noexcept {
    const HostSection host{machine};
    return machine.memory.frame_of(address);
}

uint32_t read_port(Machine& machine, uint16_t port, uint8_t width) noexcept {
    const HostSection host{machine};
    return machine.kvm ? machine.kvm->read_port(port) : machine.ports.read(port, width);
}

void write_port(Machine& machine, uint16_t port, uint32_t value, uint8_t width) noexcept {
    const HostSection host{machine};
    if (machine.kvm) {
        machine.kvm->write_port(port, value);
    } else {
        machine.ports.write(port, value, width);
    }
}

Result<uint8_t> allocate_irq_gate(Machine& machine, BootContext& boot, IrqHandler handler,
                                  void* argument) noexcept {
    static_cast<void>(boot);
    const HostSection host{machine};
    if (machine.boot_over) {
        machine.sight(EventKind::boot_code_entered, 0, 0, 1);
        machine.fault("allocate_irq_gate was called, whose memory was freed when boot was over");
    }
    const Result<uint8_t> vector = machine.vcpus.allocate_gate(handler, argument);
    if (vector.ok()) {
        machine.sight(EventKind::gate_allocated, vector.value());
    }
    return vector;
}

void enable_local_apic(Machine& machine) noexcept {
    const HostSection host{machine};
    machine.vcpus.at(machine.vcpus.current()).lapic_on = true;
}

void apic_eoi(Machine& machine) noexcept {
    const HostSection host{machine};
    machine.vcpus.eoi(machine.vcpus.current());
    machine.sight(EventKind::eoi);
}

Trace& trace_of(Machine& machine) noexcept {
    return machine.trace;
}

}  // namespace v0
}  // namespace resume
