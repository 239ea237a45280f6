// libresume/platform/machine.h with real instructions.
//
// Interrupts: the thread context of this kernel is not preempted. Every vCPU runs with interrupts
// off and takes them where it waits (idle loop, wait_for_interrupt, a window at enable_irqs), so a
// handler never meets half-done work. disable_irqs closes that too: what comes then stays pending.
#include <stdint.h>

#include <xen/arch-x86/cpuid.h>

#include "libresume/platform/machine.h"
#include "tests/kernel/instructions.h"
#include "tests/kernel/machine_state.h"

extern "C" {
extern uint8_t kernel_stacks[KERNEL_STACK_SIZE * KERNEL_MAX_CPUS];
}

namespace kernel {

constinit resume::Machine g_machine{};

void sight(resume::Machine& machine, resume::EventKind kind, uint32_t arg32, uint64_t arg64,
           int32_t status) noexcept {
    resume::trace_of(machine).write({.ticks = read_tsc(),
                                     .arg64 = arg64,
                                     .arg32 = arg32,
                                     .status = status,
                                     .kind = kind,
                                     .witness = resume::Witness::other_side,
                                     .cpu = static_cast<uint8_t>(resume::current_cpu(machine))});
}

}  // namespace kernel

namespace resume {
inline namespace v0 {

using kernel::sight;

uint32_t cpu_count(const Machine& machine) noexcept {
    return machine.cpus;
}

uint32_t current_cpu(const Machine&) noexcept {
    // Each vCPU has its own piece of one array as its stack.
    return static_cast<uint32_t>((kernel::read_rsp() - reinterpret_cast<uintptr_t>(kernel_stacks)) /
                                 KERNEL_STACK_SIZE);
}

void disable_irqs(Machine& machine) noexcept {
    RESUME_ASSERT(!machine.irqs_masked);
    kernel::irqs_off();
    machine.irqs_masked = true;
    sight(machine, EventKind::irqs_disabled);
}

void enable_irqs(Machine& machine) noexcept {
    RESUME_ASSERT(machine.irqs_masked);
    machine.irqs_masked = false;
    sight(machine, EventKind::irqs_enabled);
    kernel::irq_window();
}

void wait_for_interrupt(Machine& machine, Ticks deadline) noexcept {
    RESUME_ASSERT(!machine.irqs_masked);
    const Ticks now = kernel::read_tsc();
    if (now >= deadline) {
        kernel::irq_window();
        return;
    }
    // Bounded, so that no arithmetic overflows; returning early is allowed.
    constexpr uint64_t kLongestNs = 1'000'000'000;
    const Ticks ticks = deadline - now < machine.hz ? deadline - now : machine.hz;
    const uint64_t ns = ticks * 1'000'000 / (machine.hz / 1000);
    kernel::local_apic_wake_after(ns < kLongestNs ? ns : kLongestNs);
    kernel::idle();
    kernel::local_apic_stop_wake();
}

Ticks raw_counter(const Machine&) noexcept {
    return kernel::read_tsc();
}

uint64_t counter_hz(const Machine& machine) noexcept {
    return machine.hz;
}

void* frame_address(Machine&, Gfn gfn) noexcept {
    RESUME_ASSERT(gfn < (1ull << 20));  // the identity map ends at 4 GiB
    return reinterpret_cast<void*>(gfn << 12);
}

Gfn frame_of(Machine&, const void* address) noexcept {
    return reinterpret_cast<uintptr_t>(address) >> 12;
}

CpuidLeaf read_cpuid(const Machine&, uint32_t leaf, uint32_t subleaf) noexcept {
    CpuidLeaf result{};
    asm volatile("cpuid"
                 : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
                 : "a"(leaf), "c"(subleaf)
                 : "memory");
    return result;
}

void write_msr(Machine& machine, uint32_t msr, uint64_t value) noexcept {
    kernel::write_msr64(msr, value);
    // From now on hypercalls go through the page that Xen has just filled in.
    if (msr == read_cpuid(machine, machine.xen_leaf + 2, 0).ebx) {
        machine.hypercalls = value & ~0xfffull;
    }
}

uint32_t read_port(Machine& machine, uint16_t port, uint8_t width) noexcept {
    RESUME_ASSERT(width == 1 || width == 2 || width == 4);
    const uint32_t value = width == 1   ? kernel::read_port8(port)
                           : width == 2 ? kernel::read_port16(port)
                                        : kernel::read_port32(port);
    sight(machine, EventKind::io_port_read, port, value);
    return value;
}

void write_port(Machine& machine, uint16_t port, uint32_t value, uint8_t width) noexcept {
    RESUME_ASSERT(width == 1 || width == 2 || width == 4);
    if (width == 1) {
        kernel::write_port8(port, static_cast<uint8_t>(value));
    } else if (width == 2) {
        kernel::write_port16(port, static_cast<uint16_t>(value));
    } else {
        kernel::write_port32(port, value);
    }
    sight(machine, EventKind::io_port_written, port, value);
}

void enable_local_apic(Machine&) noexcept {
    kernel::start_local_apic();
}

void apic_eoi(Machine& machine) noexcept {
    kernel::local_apic_eoi();
    sight(machine, EventKind::eoi);
}

Trace& trace_of(Machine& machine) noexcept {
    return kernel::trace_of_cpu(current_cpu(machine));
}

}  // namespace v0
}  // namespace resume
