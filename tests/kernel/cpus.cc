// More than one vCPU: start, calls on each, parking.
//
// A further vCPU does nothing but idle; an interrupt only wakes it, and what it is asked to do it
// does in its idle loop, after the interrupt is over. So whoever waits for its answer knows that no
// handler runs there any more.

#include "libresume/platform/xen.h"

#include <xen/hvm/hvm_vcpu.h>

#include "tests/kernel/instructions.h"
#include "tests/kernel/line.h"
#include "tests/kernel/machine_state.h"

extern "C" {
extern uint8_t kernel_stacks[KERNEL_STACK_SIZE * KERNEL_MAX_CPUS];
void kernel_ap_entry() noexcept;
[[noreturn]] void kernel_ap_main(uint32_t cpu) noexcept;
}

namespace kernel {
namespace {

using resume::Machine;

/// A vCPU that shares its processor with a busy host may take long; one that never comes is what
/// failure 9 looks like.
constexpr uint64_t kPatienceSeconds = 8;

void wake(Machine& machine, uint32_t cpu) noexcept {
    if (machine.wake != nullptr) {
        machine.wake(machine.wake_argument, cpu);
    } else {
        local_apic_send_ipi(cpu, kIpiVector);
    }
}

/// Waits until `flag` is `value`. False after kPatienceSeconds.
bool wait_for(const Machine& machine, const std::atomic<bool>& flag, bool value) noexcept {
    const uint64_t end = read_tsc() + kPatienceSeconds * machine.hz;
    while (flag.load(std::memory_order_acquire) != value) {
        if (read_tsc() > end) {
            return false;
        }
        yield_cpu();
    }
    return true;
}

void stand_parked(Machine::Cpu& cpu) noexcept {
    cpu.parked.store(true, std::memory_order_release);
    while (cpu.park_wanted.load(std::memory_order_acquire)) {
        if (cpu.act_wanted.load(std::memory_order_acquire)) {
            g_machine.act(g_machine.act_argument);
            cpu.act_wanted.store(false, std::memory_order_release);
        }
        relax();
        yield_cpu();
    }
    cpu.parked.store(false, std::memory_order_release);
}

[[noreturn]] void idle_loop(Machine& machine, uint32_t number) noexcept {
    Machine::Cpu& cpu = machine.cpu[number];
    for (;;) {
        if (cpu.park_wanted.load(std::memory_order_acquire)) {
            stand_parked(cpu);
        } else if (cpu.call_wanted.load(std::memory_order_acquire)) {
            machine.call(machine, number, machine.call_argument);
            cpu.call_wanted.store(false, std::memory_order_release);
        } else {
            idle();
        }
    }
}

KERNEL_BOOT_CODE bool start_cpu(Machine& machine, uint32_t number) noexcept {
    if (quiet_hypercall(__HYPERVISOR_vcpu_op, VCPUOP_is_up, number) < 0) {
        return false;  // the domain has no such vCPU
    }
    vcpu_hvm_context context{};
    context.mode = VCPU_HVM_MODE_64B;
    xen_vcpu_hvm_x86_64_t& start = context.cpu_regs.x86_64;
    start.rdi = number;
    start.rsp = reinterpret_cast<uintptr_t>(kernel_stacks) + (number + 1) * KERNEL_STACK_SIZE;
    start.rip = reinterpret_cast<uintptr_t>(&kernel_ap_entry);
    start.rflags = 2;
    start.cr0 = read_cr0();
    start.cr3 = read_cr3();
    start.cr4 = read_cr4();
    start.efer = read_msr(0xc0000080);
    long result = quiet_hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, number,
                                  reinterpret_cast<uintptr_t>(&context));
    if (result == 0) {
        result = quiet_hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, number);
    }
    if (result != 0 || !wait_for(machine, machine.cpu[number].online, true)) {
        print(
            Line{}.text("vCPU ").decimal(number).text(" does not start: ").signed_decimal(result));
        return false;
    }
    return true;
}

}  // namespace

KERNEL_BOOT_CODE void start_cpus(Machine& machine) noexcept {
    machine.cpu[0].online.store(true);
    machine.cpus = 1;
    while (machine.cpus < KERNEL_MAX_CPUS && start_cpu(machine, machine.cpus)) {
        ++machine.cpus;
    }
}

void run_on_parked(Machine& machine, uint32_t cpu, void (*act)(void*) noexcept,
                   void* argument) noexcept {
    RESUME_ASSERT(cpu < machine.cpus && machine.cpu[cpu].parked.load());
    machine.act = act;
    machine.act_argument = argument;
    machine.cpu[cpu].act_wanted.store(true, std::memory_order_release);
    while (machine.cpu[cpu].act_wanted.load(std::memory_order_acquire)) {
        yield_cpu();
    }
}

}  // namespace kernel

void kernel_ap_main(uint32_t cpu) noexcept {
    kernel::load_gates();
    kernel::start_local_apic();
    kernel::g_machine.cpu[cpu].online.store(true, std::memory_order_release);
    kernel::idle_loop(kernel::g_machine, cpu);
}

namespace resume {
inline namespace v0 {

void on_each_cpu(Machine& machine, PerCpuFunction function, void* argument) noexcept {
    RESUME_ASSERT(current_cpu(machine) == 0);
    machine.call = function;
    machine.call_argument = argument;
    for (uint32_t cpu = 1; cpu < machine.cpus; ++cpu) {
        RESUME_ASSERT(!machine.cpu[cpu].parked.load());
        machine.cpu[cpu].call_wanted.store(true, std::memory_order_release);
        kernel::wake(machine, cpu);
    }
    function(machine, 0, argument);
    for (uint32_t cpu = 1; cpu < machine.cpus; ++cpu) {
        if (!kernel::wait_for(machine, machine.cpu[cpu].call_wanted, false)) {
            panic("a vCPU does not answer its call", __FILE__, __LINE__);
        }
    }
}

Result<> park_other_cpus(Machine& machine) noexcept {
    RESUME_ASSERT(current_cpu(machine) == 0);
    for (uint32_t cpu = 1; cpu < machine.cpus; ++cpu) {
        machine.cpu[cpu].park_wanted.store(true, std::memory_order_release);
        kernel::wake(machine, cpu);
    }
    for (uint32_t cpu = 1; cpu < machine.cpus; ++cpu) {
        if (!kernel::wait_for(machine, machine.cpu[cpu].parked, true)) {
            unpark_other_cpus(machine);
            return {Errc::timed_out, static_cast<int32_t>(cpu)};
        }
        kernel::sight(machine, EventKind::cpu_parked, cpu);
    }
    return {};
}

void unpark_other_cpus(Machine& machine) noexcept {
    for (uint32_t cpu = 1; cpu < machine.cpus; ++cpu) {
        const bool stood = machine.cpu[cpu].parked.load(std::memory_order_acquire);
        machine.cpu[cpu].park_wanted.store(false, std::memory_order_release);
        if (!stood) {
            continue;
        }
        if (!kernel::wait_for(machine, machine.cpu[cpu].parked, false)) {
            panic("a parked vCPU does not come back", __FILE__, __LINE__);
        }
        kernel::sight(machine, EventKind::cpu_unparked, cpu);
    }
}

}  // namespace v0
}  // namespace resume
