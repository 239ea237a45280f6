// How a modelled guest starts and stops a vCPU: what drivers/vcpus asks of its embedder.
#pragma once

#include "drivers/model/machine.h"
#include "drivers/xen_guest/xen_guest.h"

namespace resume::test {

/// `begin`: what the vCPU does first, on it.
template <class Begin>
Result<> start_vcpu(Machine& machine, XenGuest& guest, uint32_t cpu, Begin begin) noexcept {
    RESUME_TRY(guest.add_cpu(cpu));
    // Where it begins is known from the first time.
    (void)xen::vcpu_op(machine, VCPUOP_initialise, cpu);
    if (const long up = xen::vcpu_op(machine, VCPUOP_up, cpu); up != 0) {
        guest.remove_cpu(cpu);
        return {Errc::hypercall, static_cast<int32_t>(up)};
    }
    {
        const model::HostSection host{machine};
        machine.vcpus.set_online(cpu + 1);
    }
    Result<> entered{};
    machine.vcpus.run_on(cpu, [&] {
        entered = guest.enter_cpu();
        begin();
    });
    machine.vcpus.at(cpu).irqs_on = true;
    return entered;
}

inline Result<> stop_vcpu(Machine& machine, XenGuest& guest, uint32_t cpu) noexcept {
    machine.vcpus.run_on(cpu, [&guest] { guest.timer().stop(); });
    {
        const model::HostSection host{machine};
        machine.vcpus.at(cpu).irqs_on = false;  // what comes now, nobody hears
        machine.vcpus.set_online(cpu);
    }
    guest.remove_cpu(cpu);
    const long down = xen::vcpu_op(machine, VCPUOP_down, cpu);
    return down == 0 ? Result<>{} : Result<>{Errc::hypercall, static_cast<int32_t>(down)};
}

}  // namespace resume::test
