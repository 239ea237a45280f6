// Gates: built and handed out at boot (allocate_irq_gate lives in memory that is gone afterwards,
// as in the kernels whose alloc_intr_gate is __init: invariant L10), loaded by each vCPU, used for
// ever.
#include "tests/kernel/traps.h"

#include "libresume/platform/xen.h"

#include "tests/kernel/instructions.h"
#include "tests/kernel/line.h"
#include "tests/kernel/machine_state.h"

extern "C" {
extern const uint8_t kernel_vector_stubs[];
void kernel_trap(kernel::TrapFrame* frame) noexcept;
}

namespace kernel {
namespace {

constexpr uint32_t kStubSize = 16;  // .balign of vectors.S
constexpr uint32_t kExceptions = 32;

struct [[gnu::packed]] IdtGate {
    uint16_t offset_low;
    uint16_t selector;
    uint16_t attributes;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};
struct [[gnu::packed]] IdtPointer {
    uint16_t limit;
    uint64_t address;
};

alignas(16) constinit IdtGate g_idt[KERNEL_VECTORS] = {};

KERNEL_BOOT_CODE void set_gate(uint32_t vector) noexcept {
    constexpr uint16_t kInterruptGate = 0x8e00;
    const uint64_t stub = reinterpret_cast<uintptr_t>(kernel_vector_stubs) + vector * kStubSize;
    g_idt[vector] = {.offset_low = static_cast<uint16_t>(stub),
                     .selector = KERNEL_CODE_SELECTOR,
                     .attributes = kInterruptGate,
                     .offset_middle = static_cast<uint16_t>(stub >> 16),
                     .offset_high = static_cast<uint32_t>(stub >> 32),
                     .reserved = 0};
}

[[noreturn]] void fault(const TrapFrame& frame) noexcept {
    // The debug port before all: the console may be what is broken.
    print(Line{}
              .text("FAULT vec=")
              .decimal(frame.vector)
              .text(" rip=")
              .hex(frame.rip)
              .text(" cr2=")
              .hex(read_cr2())
              .text(" err=")
              .hex(frame.error)
              .text(" rsp=")
              .hex(frame.rsp));
    shut_down(SHUTDOWN_crash);
}

}  // namespace

KERNEL_BOOT_CODE void build_gates(bool exception_gates) noexcept {
    for (uint32_t vector = 0; exception_gates && vector < kExceptions; ++vector) {
        set_gate(vector);
    }
    set_gate(kWakeVector);
    set_gate(kIpiVector);
    set_gate(kSpuriousVector);
}

void load_gates() noexcept {
    const IdtPointer pointer{sizeof(g_idt) - 1, reinterpret_cast<uintptr_t>(g_idt)};
    asm volatile("lidt %0" : : "m"(pointer) : "memory");
}

}  // namespace kernel

namespace resume {
inline namespace v0 {

KERNEL_BOOT_CODE Result<uint8_t> allocate_irq_gate(Machine& machine, BootContext&,
                                                   IrqHandler handler, void* argument) noexcept {
    const auto vector = static_cast<uint8_t>(KERNEL_FIRST_VECTOR + machine.vectors_taken);
    if (vector >= kernel::kWakeVector) {
        return Errc::no_space;
    }
    ++machine.vectors_taken;
    machine.gates[vector] = {handler, argument};
    kernel::set_gate(vector);
    kernel::sight(machine, EventKind::gate_allocated, vector);
    return vector;
}

}  // namespace v0
}  // namespace resume

void kernel_trap(kernel::TrapFrame* frame) noexcept {
    using kernel::g_machine;
    if (frame->vector < kernel::kExceptions) {
        kernel::fault(*frame);
    }
    if (frame->vector == kernel::kWakeVector || frame->vector == kernel::kIpiVector) {
        kernel::local_apic_eoi();  // waking up was all they were for
        return;
    }
    const resume::Machine::Gate& gate = g_machine.gates[frame->vector];
    if (gate.handler != nullptr) {
        gate.handler(g_machine, resume::current_cpu(g_machine), gate.argument);
    }
}
