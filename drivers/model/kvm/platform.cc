// libresume/platform/kvm.h on the modelled machine.
#include "libresume/platform/kvm.h"

#include "drivers/model/kvm/host.h"
#include "drivers/model/machine.h"

namespace resume {
inline namespace v0 {

using model::HostSection;

Result<uint64_t> read_msr(const Machine& machine, uint32_t msr) noexcept {
    return machine.kvm->read_msr(machine.vcpus.current(), msr);
}

Ticks read_tsc(const Machine& machine) noexcept {
    const_cast<Machine&>(machine).clock.spend(machine.config.counter_read_cost);
    return machine.kvm->tsc();
}

uint32_t read_mmio(const Machine& machine, uint64_t address, uint8_t width) noexcept {
    const HostSection host{const_cast<Machine&>(machine)};
    return machine.kvm->read_mmio(address, width);
}

void write_mmio(Machine& machine, uint64_t address, uint32_t value, uint8_t) noexcept {
    const HostSection host{machine};
    machine.clock.spend(machine.config.hypercall_cost);  // the guest leaves for its monitor
    machine.kvm->write_mmio(address, value);
}

void set_cpu_hooks(Machine& machine, const CpuHooks& hooks) noexcept {
    machine.kvm->set_hooks(hooks);
}

Waking sleep_s3(Machine& machine, const SleepRegisters& registers) noexcept {
    static_cast<void>(registers);
    const HostSection host{machine};
    return machine.kvm->sleep_s3();
}

Result<Image> make_image(Machine& machine) noexcept {
    const HostSection host{machine};
    return machine.kvm->make_image();
}

}  // namespace v0
}  // namespace resume
