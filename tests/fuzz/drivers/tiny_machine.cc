#include "tests/fuzz/drivers/tiny_machine.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace resume {
inline namespace v0 {

void Machine::reset() noexcept {
    std::memset(shared_page, 0, sizeof(shared_page));
    std::memset(area_page, 0, sizeof(area_page));
    std::memset(store_page, 0, sizeof(store_page));
    trace.clear();
    counter = 0;
}

uint32_t cpu_count(const Machine&) noexcept {
    return 1;
}
uint32_t current_cpu(const Machine&) noexcept {
    return 0;
}
void on_each_cpu(Machine& machine, PerCpuFunction function, void* argument) noexcept {
    function(machine, 0, argument);
}
Result<> park_other_cpus(Machine&) noexcept {
    return {};
}
void unpark_other_cpus(Machine&) noexcept {}
void disable_irqs(Machine&) noexcept {}
void enable_irqs(Machine&) noexcept {}
void wait_for_interrupt(Machine& machine, Ticks) noexcept {
    machine.counter += 1'000;
    if (machine.idle != nullptr) {
        machine.idle(machine, machine.idle_argument);
    }
}
Ticks raw_counter(const Machine& machine) noexcept {
    return ++machine.counter;
}
uint64_t counter_hz(const Machine&) noexcept {
    return 1'000;  // a wait of ten seconds is ten idle turns
}
void* frame_address(Machine& machine, Gfn gfn) noexcept {
    return gfn == Machine::kStoreFrame  ? machine.store_page
           : gfn == Machine::kAreaFrame ? machine.area_page
                                        : machine.shared_page;
}
Gfn frame_of(Machine&, const void*) noexcept {
    return Machine::kSharedFrame;
}
CpuidLeaf read_cpuid(const Machine&, uint32_t, uint32_t) noexcept {
    return {};
}
void write_msr(Machine&, uint32_t, uint64_t) noexcept {}
uint32_t read_port(Machine&, uint16_t, uint8_t) noexcept {
    return 0;
}
void write_port(Machine&, uint16_t, uint32_t, uint8_t) noexcept {}
Result<uint8_t> allocate_irq_gate(Machine&, BootContext&, IrqHandler, void*) noexcept {
    return Errc::unsupported;
}
void enable_local_apic(Machine&) noexcept {}
void apic_eoi(Machine&) noexcept {}
Trace& trace_of(Machine& machine) noexcept {
    return machine.trace;
}

long hypercall(Machine&, unsigned number, uintptr_t a0, uintptr_t a1, uintptr_t, uintptr_t,
               uintptr_t) noexcept {
    if (number == __HYPERVISOR_hvm_op && a0 == HVMOP_get_param) {
        auto& parameter = *reinterpret_cast<xen_hvm_param_t*>(a1);
        parameter.value =
            parameter.index == HVM_PARAM_STORE_PFN ? Machine::kStoreFrame : Machine::kStorePort;
    }
    return 0;
}

void panic(const char* what, const char* file, int line) noexcept {
    std::fprintf(stderr, "panic: %s at %s:%d\n", what, file, line);
    std::abort();
}

}  // namespace v0
}  // namespace resume
