#include "drivers/model/kvm/host.h"

#include <algorithm>
#include <cstring>

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

// QEMU, docs/specs/fw_cfg.rst.
constexpr uint16_t kSelectorPort = 0x510;
constexpr uint16_t kDataPort = 0x511;
constexpr uint16_t kUuidKey = 2;

}  // namespace

const char* name_of(KvmAct act) noexcept {
    switch (act) {
        case KvmAct::pause:
            return "pause";
        case KvmAct::migrate:
            return "migrate";
        case KvmAct::migrate_fails:
            return "migrate-fails";
        case KvmAct::snapshot:
            return "snapshot";
        case KvmAct::clone:
            return "clone";
    }
    return "?";
}

KvmHost::KvmHost(Machine& machine)
    : machine_{machine},
      cpus_(machine.config.vcpus),
      tsc_base_{machine.host().tsc_start},
      tsc_hz_{machine.host().tsc_hz} {
    generation_ = machine_.memory.page(machine_.memory.allocate(1));
    uuid_.fill(0x11);
    show_generation();
}

/// A generation id is unique, and nothing else about it matters.
void KvmHost::show_generation() {
    ++generations_;
    const std::array<uint64_t, 2> id{machine_.config.seed * 1'000'003 + generations_, generations_};
    std::memcpy(generation_, id.data(), sizeof id);
    machine_.sight(EventKind::generation_set, 0, id[0]);
}

CpuidLeaf KvmHost::cpuid(uint32_t leaf) const {
    constexpr uint32_t kKvmk = 0x4b4d564b, kVmkv = 0x564b4d56, kM = 0x4d;
    if (leaf == KVM_CPUID_SIGNATURE) {
        return {KVM_CPUID_FEATURES, kKvmk, kVmkv, kM};
    }
    if (leaf == KVM_CPUID_FEATURES) {
        return {1U << KVM_FEATURE_CLOCKSOURCE2 | 1U << KVM_FEATURE_STEAL_TIME |
                    1U << KVM_FEATURE_CLOCKSOURCE_STABLE_BIT,
                0, 0, 0};
    }
    return {};
}

uint32_t KvmHost::read_port(uint16_t port) {
    const bool uuid = port == kDataPort && selected_ == kUuidKey && uuid_read_ < uuid_.size();
    return uuid ? uuid_[uuid_read_++] : 0;
}

void KvmHost::write_port(uint16_t port, uint32_t value) {
    const auto hit = machine_.faults.meet(FaultSite::io_write, port);
    if (hit && hit->fault.swallow) {
        return;
    }
    if (port == kSelectorPort) {
        selected_ = static_cast<uint16_t>(value);
        uuid_read_ = 0;
    }
    machine_.sight(EventKind::io_port_written, port, value);
}

VirtioPort* KvmHost::port_at(uint64_t address) const {
    for (const auto& port : ports_) {
        if (port->has(address)) {
            return port.get();
        }
    }
    return nullptr;
}

/// Where no device is, nobody answers.
uint32_t KvmHost::read_mmio(uint64_t address, uint8_t width) const {
    const VirtioPort* const port = port_at(address);
    return port != nullptr ? port->read(static_cast<uint32_t>(address - port->base()), width)
                           : ~uint32_t{0};
}

void KvmHost::write_mmio(uint64_t address, uint32_t value) {
    const auto hit = machine_.faults.meet(FaultSite::io_write, static_cast<uint32_t>(address));
    VirtioPort* const port = port_at(address);
    if (port == nullptr || (hit && hit->fault.swallow)) {
        return;
    }
    machine_.sight(EventKind::io_port_written, static_cast<uint32_t>(address), value);
    port->write(static_cast<uint32_t>(address - port->base()), value);
}

void KvmHost::run_hook(PerCpuFunction hook, uint32_t cpu) {
    if (hook == nullptr) {
        return;
    }
    Vcpu& vcpu = machine_.vcpus.at(cpu);
    const bool irqs = vcpu.irqs_on;
    vcpu.irqs_on = false;
    machine_.vcpus.run_on(cpu, [&] {
        const GuestSection guest{machine_};
        hook(machine_, cpu, hooks_.argument);
    });
    vcpu.irqs_on = irqs;
}

void KvmHost::cpu_down(uint32_t cpu) {
    run_hook(hooks_.down, cpu);
}
void KvmHost::cpu_up(uint32_t cpu) {
    run_hook(hooks_.up, cpu);
}

void KvmHost::raise(KvmSource source) {
    if (const uint8_t vector = routes_[static_cast<uint8_t>(source)]; vector != 0) {
        machine_.vcpus.raise(0, vector);
    }
}

void KvmHost::wake() {
    sleeping_ = false;
    raise(KvmSource::wakeup);
}

void KvmHost::wake_after(Nanoseconds delay) {
    machine_.clock.after(delay, [this] { wake(); });
}

void KvmHost::sight_going_down() {
    uint32_t running = 0;
    const uint32_t caller = machine_.vcpus.current();
    for (uint32_t cpu = 0; cpu < machine_.vcpus.count(); ++cpu) {
        if (cpu != caller && !machine_.vcpus.at(cpu).parked) {
            running |= 1U << std::min(cpu, 31U);
        }
    }
    machine_.sight(EventKind::guest_at_shutdown, running, 0,
                   machine_.vcpus.at(caller).irqs_on ? 1 : 0);
}

}  // namespace resume::model
