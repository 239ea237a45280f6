// The instructions that C++ has no words for.
#pragma once

#include <stdint.h>

namespace kernel {

inline void write_port8(uint16_t port, uint8_t value) noexcept {
    asm volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
inline void write_port16(uint16_t port, uint16_t value) noexcept {
    asm volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
inline void write_port32(uint16_t port, uint32_t value) noexcept {
    asm volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
inline uint8_t read_port8(uint16_t port) noexcept {
    uint8_t value = 0;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
inline uint16_t read_port16(uint16_t port) noexcept {
    uint16_t value = 0;
    asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
inline uint32_t read_port32(uint16_t port) noexcept {
    uint32_t value = 0;
    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

inline uint64_t read_tsc() noexcept {
    uint32_t low = 0;
    uint32_t high = 0;
    asm volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
    return static_cast<uint64_t>(high) << 32 | low;
}
inline uint64_t read_msr(uint32_t msr) noexcept {
    uint32_t low = 0;
    uint32_t high = 0;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return static_cast<uint64_t>(high) << 32 | low;
}
inline void write_msr64(uint32_t msr, uint64_t value) noexcept {
    asm volatile("wrmsr"
                 :
                 : "c"(msr), "a"(static_cast<uint32_t>(value)),
                   "d"(static_cast<uint32_t>(value >> 32))
                 : "memory");
}
inline uint64_t read_cr0() noexcept {
    uint64_t value = 0;
    asm volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}
inline uint64_t read_cr2() noexcept {
    uint64_t value = 0;
    asm volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}
inline uint64_t read_cr3() noexcept {
    uint64_t value = 0;
    asm volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}
inline void write_cr3(uint64_t value) noexcept {
    asm volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}
inline uint64_t read_cr4() noexcept {
    uint64_t value = 0;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}
inline uint64_t read_rsp() noexcept {
    uint64_t value = 0;
    asm volatile("mov %%rsp, %0" : "=r"(value));
    return value;
}
inline bool irqs_on() noexcept {
    uint64_t flags = 0;
    asm volatile("pushf\n\tpop %0" : "=r"(flags) : : "memory");
    return (flags & 0x200) != 0;
}
inline void irqs_off() noexcept {
    asm volatile("cli" : : : "memory");
}
/// Lets what is pending in, then masks again. The instruction after `sti` is still masked.
inline void irq_window() noexcept {
    asm volatile("sti\n\tnop\n\tcli" : : : "memory");
}
/// Sleeps until an interrupt was handled. Never with interrupts off: Xen takes `cli; hlt` for a
/// vCPU that goes down for good.
inline void idle() noexcept {
    asm volatile("sti\n\thlt\n\tcli" : : : "memory");
}
inline void relax() noexcept {
    asm volatile("pause" : : : "memory");
}

}  // namespace kernel
