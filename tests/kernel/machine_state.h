// The kernel's own resume::Machine, and what its files share. One machine, static, no constructors.
#pragma once

#include <atomic>

#include "libresume/platform/machine.h"
#include "tests/kernel/layout.h"

/// Code and data that exist until the guest is up and not after it: their pages are unmapped.
#define KERNEL_BOOT_CODE __attribute__((section(".init.text"), noinline))
#define KERNEL_BOOT_DATA __attribute__((section(".init.data")))

namespace resume {
inline namespace v0 {

struct Machine {
    /// What one vCPU is asked to do. Written by CPU 0, answered by the vCPU's own idle loop, after
    /// it has left the interrupt that woke it.
    struct Cpu {
        std::atomic<bool> online;
        std::atomic<bool> call_wanted;
        std::atomic<bool> park_wanted;
        std::atomic<bool> parked;
        std::atomic<bool> act_wanted;  ///< a call while it stands parked
    };
    struct Gate {
        IrqHandler handler;
        void* argument;
    };

    uint32_t cpus;
    uint32_t xen_leaf;     ///< first CPUID leaf of Xen
    uint64_t hz;           ///< of the TSC
    uintptr_t hypercalls;  ///< the hypercall page in use; 0 until its MSR was written
    uint8_t vectors_taken;
    bool irqs_masked;  ///< the engine masked this guest's interrupts (CPU 0)
    Gate gates[KERNEL_VECTORS];
    Cpu cpu[KERNEL_MAX_CPUS];
    PerCpuFunction call;
    void* call_argument;
    void (*act)(void*) noexcept;
    void* act_argument;
    /// Wakes another vCPU by event channel; the local APIC's IPI is used until it is set.
    void (*wake)(void* argument, uint32_t cpu) noexcept;
    void* wake_argument;
    uint64_t store_page;    ///< HVM_PARAM_STORE_PFN as last read; 0 = not known
    uint32_t console_port;  ///< its notifications are not worth an event
    uint32_t timers_seen;   ///< vCPUs whose timer was armed since the guest last came up
    uint32_t identity;      ///< incarnation << 16 | domid at the last boot or resume
};

}  // namespace v0
}  // namespace resume

namespace kernel {

extern resume::Machine g_machine;

inline constexpr uint8_t kWakeVector = 0xf0;
inline constexpr uint8_t kIpiVector = 0xf1;
inline constexpr uint8_t kSpuriousVector = 0xff;

/// Writes an event as Witness::other_side: a thing that was done, by whom it was done.
void sight(resume::Machine& machine, resume::EventKind kind, uint32_t arg32 = 0, uint64_t arg64 = 0,
           int32_t status = 0) noexcept;

/// The hypercall without a sighting: console, waiting, boot and panic. Works from start_platform.
long quiet_hypercall(unsigned number, uintptr_t a0 = 0, uintptr_t a1 = 0,
                     uintptr_t a2 = 0) noexcept;
/// SCHEDOP_shutdown with SHUTDOWN_crash or another last reason.
[[noreturn]] void shut_down(unsigned reason) noexcept;
/// Lets another vCPU have the processor.
void yield_cpu() noexcept;

/// Boot: finds Xen, the counter's frequency and an early hypercall page. False when not under Xen.
bool start_platform(resume::Machine& machine) noexcept;
/// Boot: builds the IDT. Without exception gates a fault is a triple fault.
void build_gates(bool exception_gates) noexcept;
/// Each vCPU for itself.
void load_gates() noexcept;
/// Boot: starts every other vCPU that the domain has and waits until it idles.
void start_cpus(resume::Machine& machine) noexcept;
/// Gives each vCPU its trace.
void start_trace() noexcept;
/// Runs `act` on a parked vCPU and waits for it (XenGuestConfig::run_on_parked).
void run_on_parked(resume::Machine& machine, uint32_t cpu, void (*act)(void*) noexcept,
                   void* argument) noexcept;
/// After boot, on CPU 0 while the others idle: unmaps the boot-only pages, everywhere.
void drop_boot_pages(resume::Machine& machine) noexcept;

void start_local_apic() noexcept;
void local_apic_eoi() noexcept;
void local_apic_wake_after(uint64_t nanoseconds) noexcept;
void local_apic_stop_wake() noexcept;
void local_apic_send_ipi(uint32_t cpu, uint8_t vector) noexcept;

/// One vCPU's trace ring; every vCPU writes its own, so none needs a lock.
resume::Trace& trace_of_cpu(uint32_t cpu) noexcept;
/// All of them in the order of time, piece by piece. No vCPU may write meanwhile.
class TraceMerge {
  public:
    explicit TraceMerge(uint32_t cpus) noexcept : cpus_{cpus} {}
    /// The next piece, empty at the end; valid until the next call.
    const resume::Trace& next() noexcept;

  private:
    uint32_t cpus_;
    uint32_t next_[KERNEL_MAX_CPUS] = {};
};
void clear_traces(uint32_t cpus) noexcept;
uint64_t lost_events(uint32_t cpus) noexcept;

}  // namespace kernel
