// The narrow waist, part 1: what the core and the drivers need of the machine they run on. Bound at
// link time: free functions over an opaque Machine. The model library defines them in user space,
// tests/kernel with real instructions; the agent defines the few that the core alone uses (marked
// C).
//
//   function                      | C | context                     | may sleep
//   ------------------------------+---+-----------------------------+----------
//   cpu_count, current_cpu        | C | any                         | no
//   on_each_cpu                   |   | thread                      | no
//   park_other_cpus, unpark_...   | C | thread, CPU 0               | no (spins)
//   disable_irqs, enable_irqs     | C | any                         | no
//   wait_for_interrupt            | C | thread                      | yes
//   raw_counter, counter_hz       | C | any                         | no
//   frame_address, frame_of       |   | any                         | no
//   read_cpuid, write_msr         |   | any                         | no
//   read_port, write_port         |   | any                         | no
//   allocate_irq_gate             |   | boot only                   | no
//   enable_local_apic, apic_eoi   |   | IRQs off / interrupt        | no
//   trace_of                      | C | any                         | no
#pragma once

#include <stdint.h>

#include "libresume/boot_context.h"
#include "libresume/result.h"
#include "libresume/terms.h"
#include "libresume/trace.h"

namespace resume {
inline namespace v0 {

/// One guest's machine; its definition belongs to whoever implements this header.
struct Machine;

/// Online CPUs are 0 .. cpu_count - 1; fixed from prepare to complete (P10).
uint32_t cpu_count(const Machine& machine) noexcept;
uint32_t current_cpu(const Machine& machine) noexcept;

/// Runs `function` once on every online CPU, the caller's included, with that CPU's interrupts off,
/// and returns when all have finished. Must not be called while the others are parked.
using PerCpuFunction = void (*)(Machine& machine, uint32_t cpu, void* argument) noexcept;
void on_each_cpu(Machine& machine, PerCpuFunction function, void* argument) noexcept;

/// Brings every other CPU to a place where it spins with interrupts off and holds no lock (L1), and
/// back. The caller is on CPU 0 (L2). timed_out when a CPU does not come; none is parked then.
/// Sights cpu_parked / cpu_unparked for each.
Result<> park_other_cpus(Machine& machine) noexcept;
void unpark_other_cpus(Machine& machine) noexcept;

/// Interrupts of the calling CPU. Calls do not nest: the engine calls them once each a cycle.
/// Sights irqs_disabled / irqs_enabled.
void disable_irqs(Machine& machine) noexcept;
void enable_irqs(Machine& machine) noexcept;

/// Idles until an interrupt came or raw_counter() reaches `deadline`; may return early for no
/// reason. Interrupt handlers run inside it. Never called with device interrupts masked.
void wait_for_interrupt(Machine& machine, Ticks deadline) noexcept;

/// A counter that never needs shared memory (the TSC): constant rate, not stopped by masking
/// interrupts. May stand still while the guest is away, and may jump on another host.
Ticks raw_counter(const Machine& machine) noexcept;
/// Its frequency as known at boot, in Hz; never 0.
uint64_t counter_hz(const Machine& machine) noexcept;

/// The address through which the guest reaches a guest frame, and back. A frame without memory
/// behind it reads as all ones and ignores writes (what real Xen shows after a restore).
void* frame_address(Machine& machine, Gfn gfn) noexcept;
Gfn frame_of(Machine& machine, const void* address) noexcept;

struct CpuidLeaf {
    uint32_t eax, ebx, ecx, edx;
};
CpuidLeaf read_cpuid(const Machine& machine, uint32_t leaf, uint32_t subleaf) noexcept;
void write_msr(Machine& machine, uint32_t msr, uint64_t value) noexcept;

/// x86 I/O ports; `width` is 1, 2 or 4 bytes. Sights io_port_read / io_port_written.
uint32_t read_port(Machine& machine, uint16_t port, uint8_t width) noexcept;
void write_port(Machine& machine, uint16_t port, uint32_t value, uint8_t width) noexcept;

/// Called with the interrupted CPU's interrupts off.
using IrqHandler = void (*)(Machine& machine, uint32_t cpu, void* argument) noexcept;
/// Takes a free vector's IDT gate for `handler`. Once, at boot: pointing Xen at the vector is a
/// different act that is done at every resume (L10). no_space when vectors are used up. Sights
/// gate_allocated.
Result<uint8_t> allocate_irq_gate(Machine& machine, BootContext& boot, IrqHandler handler,
                                  void* argument) noexcept;

/// The local APIC of the calling CPU: needed only where upcalls come through it (Linux:
/// xen_set_upcall_vector). apic_eoi sights eoi.
void enable_local_apic(Machine& machine) noexcept;
void apic_eoi(Machine& machine) noexcept;

/// The trace that engine, drivers and the platform itself write to.
Trace& trace_of(Machine& machine) noexcept;

}  // namespace v0
}  // namespace resume
