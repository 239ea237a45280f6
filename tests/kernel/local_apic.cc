// The local APIC, as far as a guest of Xen needs one: a deadline for wait_for_interrupt that does
// not depend on the timer driver under test, IPIs until there are event channels, and EOI for those
// who let upcalls come through it. Its registers are Xen's device model's and survive a restore.
#include "tests/kernel/machine_state.h"

namespace kernel {
namespace {

constexpr uintptr_t kBase = 0xfee00000;
constexpr uint32_t kEoi = 0xb0;
constexpr uint32_t kSpurious = 0xf0;
constexpr uint32_t kCommandLow = 0x300;
constexpr uint32_t kCommandHigh = 0x310;
constexpr uint32_t kTimerVector = 0x320;
constexpr uint32_t kTimerCount = 0x380;
constexpr uint32_t kTimerDivide = 0x3e0;
/// Xen's APIC bus runs at 100 MHz (APIC_BUS_CYCLE_NS of xen/arch/x86/include/asm/hvm/vlapic.h).
constexpr uint64_t kBusCycleNs = 10;

void write(uint32_t offset, uint32_t value) noexcept {
    *reinterpret_cast<volatile uint32_t*>(kBase + offset) = value;
}

}  // namespace

void start_local_apic() noexcept {
    write(kSpurious, 0x100 | kSpuriousVector);
    write(kTimerDivide, 0xb);  // by one
    write(kTimerVector, kWakeVector);
}

void local_apic_eoi() noexcept {
    write(kEoi, 0);
}

void local_apic_wake_after(uint64_t nanoseconds) noexcept {
    const uint64_t cycles = nanoseconds / kBusCycleNs;
    write(kTimerCount, cycles == 0 ? 1 : static_cast<uint32_t>(cycles));
}

void local_apic_stop_wake() noexcept {
    write(kTimerCount, 0);
}

void local_apic_send_ipi(uint32_t cpu, uint8_t vector) noexcept {
    // Xen gives vCPU n the APIC id 2 n.
    write(kCommandHigh, (cpu * 2) << 24);
    write(kCommandLow, vector);
}

}  // namespace kernel
