// The hypercall, and what it tells: the kernel's hypercall boundary is the other side's witness in
// its traces. An event is written after the call returned, for what Xen really did.
#include "libresume/platform/xen.h"

#include "tests/kernel/instructions.h"
#include "tests/kernel/machine_state.h"
#include "tests/kernel/store_bytes.h"

namespace kernel {
namespace {

using resume::EventKind;
using resume::Machine;

/// For boot and panic: a page of our own, so that both can speak before and without the drivers.
alignas(4096) constinit uint8_t g_early_page[4096] = {};

constexpr uint32_t kEntrySize = 32;
constexpr uint64_t kIpiKind = 0x100;

long call(uintptr_t page, unsigned number, uintptr_t a0, uintptr_t a1, uintptr_t a2, uintptr_t a3,
          uintptr_t a4) noexcept {
    uintptr_t result = page + number * kEntrySize;
    register uintptr_t r10 asm("r10") = a3;
    register uintptr_t r8 asm("r8") = a4;
    asm volatile("call *%%rax"
                 : "+a"(result), "+D"(a0), "+S"(a1), "+d"(a2), "+r"(r10), "+r"(r8)
                 :
                 : "memory", "cc", "rcx", "r9", "r11");
    return static_cast<long>(result);
}

template <class T>
const T& at(uintptr_t address) noexcept {
    return *reinterpret_cast<const T*>(address);
}

/// The first argument below the sub-operation, as the event names it (EVENTS.md).
uint32_t first_argument(unsigned number, uintptr_t a0, uintptr_t a1) noexcept {
    switch (number) {
        case __HYPERVISOR_sched_op:
            return a0 == SCHEDOP_shutdown ? at<sched_shutdown>(a1).reason : 0;
        case __HYPERVISOR_vcpu_op:
            return static_cast<uint32_t>(a1);
        case __HYPERVISOR_hvm_op:
            if (a0 == HVMOP_set_param || a0 == HVMOP_get_param) {
                return at<xen_hvm_param>(a1).index;
            }
            return a0 == HVMOP_set_evtchn_upcall_vector ? at<xen_hvm_evtchn_upcall_vector>(a1).vcpu
                                                        : 0;
        case __HYPERVISOR_memory_op:
            return a0 == XENMEM_add_to_physmap ? at<xen_add_to_physmap>(a1).space : 0;
        case __HYPERVISOR_event_channel_op:
            return a0 == EVTCHNOP_close || a0 == EVTCHNOP_send || a0 == EVTCHNOP_unmask
                       ? at<evtchn_port_t>(a1)
                       : 0;
        default:
            return 0;
    }
}

void sight_event_channel(Machine& machine, uintptr_t op, uintptr_t argument, int result) noexcept {
    if (op == EVTCHNOP_close || op == EVTCHNOP_send) {
        const EventKind done =
            op == EVTCHNOP_close ? EventKind::port_closed : EventKind::port_notified;
        sight(machine, result == 0 ? done : EventKind::port_stale, at<evtchn_port_t>(argument), 0,
              result);
        return;
    }
    if (result != 0) {
        return;
    }
    if (op == EVTCHNOP_bind_virq) {
        const auto& bound = at<evtchn_bind_virq>(argument);
        sight(machine, EventKind::port_bound, bound.port,
              (1 + static_cast<uint64_t>(bound.virq)) << 32 | bound.vcpu);
    } else if (op == EVTCHNOP_bind_ipi) {
        const auto& bound = at<evtchn_bind_ipi>(argument);
        sight(machine, EventKind::port_bound, bound.port, kIpiKind << 32 | bound.vcpu);
    } else if (op == EVTCHNOP_alloc_unbound) {
        sight(machine, EventKind::port_bound, at<evtchn_alloc_unbound>(argument).port);
    } else if (op == EVTCHNOP_bind_interdomain) {
        sight(machine, EventKind::port_bound, at<evtchn_bind_interdomain>(argument).local_port);
    }
}

void sight_param(Machine& machine, uintptr_t op, uintptr_t argument, int result) noexcept {
    if (result != 0 || (op != HVMOP_get_param && op != HVMOP_set_param)) {
        return;
    }
    const auto& param = at<xen_hvm_param>(argument);
    if (param.index == HVM_PARAM_STORE_PFN) {
        machine.store_page = param.value;
    } else if (param.index == HVM_PARAM_CONSOLE_EVTCHN) {
        machine.console_port = static_cast<uint32_t>(param.value);
    }
    sight(machine, op == HVMOP_get_param ? EventKind::param_read : EventKind::param_written,
          param.index, param.value);
}

void sight_vcpu(Machine& machine, uintptr_t op, uintptr_t vcpu, uintptr_t argument,
                int result) noexcept {
    if (op == VCPUOP_register_vcpu_info) {
        sight(machine, EventKind::vcpu_info_set, static_cast<uint32_t>(vcpu),
              at<vcpu_register_vcpu_info>(argument).mfn, result);
    } else if (op == VCPUOP_register_runstate_memory_area ||
               op == VCPUOP_register_vcpu_time_memory_area) {
        sight(machine, EventKind::area_registered, static_cast<uint32_t>(op), vcpu, result);
    } else if (op == VCPUOP_set_singleshot_timer && result == 0) {
        sight(machine, EventKind::timer_armed, static_cast<uint32_t>(vcpu),
              at<vcpu_set_singleshot_timer>(argument).timeout_abs_ns);
    }
}

/// Xen goes through the list in its order and stops where it cannot go on.
void sight_reservation(Machine& machine, uintptr_t op, uintptr_t argument, int result) noexcept {
    const auto& asked = at<xen_memory_reservation>(argument);
    const bool gives = op == XENMEM_decrease_reservation;
    const int left = static_cast<int>(asked.nr_extents) - (result > 0 ? result : 0);
    sight(machine, gives ? EventKind::pages_given : EventKind::pages_fetched,
          result > 0 ? static_cast<uint32_t>(result) : 0, asked.extent_start.p[0],
          gives ? left : 0);
}

/// Domain and incarnation as CPUID tells them without any shared page.
uint32_t identity(const Machine& machine) noexcept {
    const uint32_t incarnation = read_cpuid(machine, machine.xen_leaf + 3, 0).edx;
    const uint32_t domain = read_cpuid(machine, machine.xen_leaf + 4, 0).ecx;
    return incarnation << 16 | (domain & 0xffff);
}

void sight_going_down(Machine& machine) noexcept {
    uint32_t could_run = 0;
    for (uint32_t cpu = 0; cpu < machine.cpus; ++cpu) {
        if (cpu != current_cpu(machine) && !machine.cpu[cpu].parked.load()) {
            could_run |= 1u << cpu;
        }
    }
    machine.identity = identity(machine);
    sight(machine, EventKind::guest_at_shutdown, could_run,
          unfinished_store_bytes(machine.store_page), irqs_on() ? 1 : 0);
}

void sight_back(Machine& machine, long result) noexcept {
    const uint32_t before = machine.identity;
    machine.identity = identity(machine);
    machine.timers_seen = 0;
    // Unchanged after 0 proves nothing: a soft reset leaves both as they were.
    const auto evidence = result == 1                  ? resume::DomainEvidence::same
                          : before != machine.identity ? resume::DomainEvidence::fresh
                                                       : resume::DomainEvidence::unknown;
    sight(machine, EventKind::evidence, static_cast<uint32_t>(evidence), machine.identity);
}

void sight_effect(Machine& machine, unsigned number, uintptr_t a0, uintptr_t a1, uintptr_t a2,
                  long result) noexcept {
    const auto status = static_cast<int>(result);
    if (number == __HYPERVISOR_event_channel_op) {
        sight_event_channel(machine, a0, a1, status);
    } else if (number == __HYPERVISOR_hvm_op) {
        sight_param(machine, a0, a1, status);
    } else if (number == __HYPERVISOR_vcpu_op) {
        sight_vcpu(machine, a0, a1, a2, status);
    } else if (number == __HYPERVISOR_memory_op && a0 == XENMEM_add_to_physmap) {
        const auto& map = at<xen_add_to_physmap>(a1);
        sight(machine, EventKind::memory_mapped, map.space, map.gpfn, status);
    } else if (number == __HYPERVISOR_memory_op &&
               (a0 == XENMEM_decrease_reservation || a0 == XENMEM_populate_physmap)) {
        sight_reservation(machine, a0, a1, status);
    }
}

/// Waiting, console output and every tick of a timer would bury the rest: of the timer, the first
/// arming of each vCPU since the guest came up is told.
bool worth_an_event(Machine& machine, unsigned number, uintptr_t a0, uintptr_t a1) noexcept {
    if (number == __HYPERVISOR_sched_op) {
        return a0 == SCHEDOP_shutdown;
    }
    if (number == __HYPERVISOR_vcpu_op && a0 == VCPUOP_set_singleshot_timer) {
        const uint32_t bit = 1u << a1;
        return (std::atomic_ref{machine.timers_seen}.fetch_or(bit) & bit) == 0;
    }
    return number != __HYPERVISOR_event_channel_op || a0 != EVTCHNOP_send ||
           at<evtchn_port_t>(a1) != machine.console_port;
}

}  // namespace

KERNEL_BOOT_CODE bool start_platform(Machine& machine) noexcept {
    for (uint32_t leaf = 0x40000000; leaf < 0x40010000; leaf += 0x100) {
        const resume::CpuidLeaf found = read_cpuid(machine, leaf, 0);
        if (found.ebx == 0x566e6558 && found.ecx == 0x65584d4d && found.edx == 0x4d4d566e) {
            machine.xen_leaf = leaf;  // "XenVMMXenVMM"
            machine.hz = uint64_t{read_cpuid(machine, leaf + 3, 0).ecx} * 1000;
            write_msr64(read_cpuid(machine, leaf + 2, 0).ebx,
                        reinterpret_cast<uintptr_t>(g_early_page));
            machine.identity = identity(machine);
            return machine.hz != 0;
        }
    }
    return false;
}

long quiet_hypercall(unsigned number, uintptr_t a0, uintptr_t a1, uintptr_t a2) noexcept {
    return call(reinterpret_cast<uintptr_t>(g_early_page), number, a0, a1, a2, 0, 0);
}

void yield_cpu() noexcept {
    quiet_hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield);
}

void shut_down(unsigned reason) noexcept {
    irqs_off();
    const sched_shutdown argument{.reason = reason};
    for (;;) {
        quiet_hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown,
                        reinterpret_cast<uintptr_t>(&argument));
    }
}

}  // namespace kernel

namespace resume {
inline namespace v0 {

long hypercall(Machine& machine, unsigned number, uintptr_t a0, uintptr_t a1, uintptr_t a2,
               uintptr_t a3, uintptr_t a4) noexcept {
    RESUME_ASSERT(machine.hypercalls != 0);
    const bool seen = kernel::worth_an_event(machine, number, a0, a1);
    const uint32_t argument = kernel::first_argument(number, a0, a1);
    const bool leaves =
        number == __HYPERVISOR_sched_op && a0 == SCHEDOP_shutdown && argument == SHUTDOWN_suspend;
    if (leaves) {
        kernel::sight_going_down(machine);
    }
    const long result = kernel::call(machine.hypercalls, number, a0, a1, a2, a3, a4);
    if (seen) {
        kernel::sight(machine, EventKind::hypercall, number,
                      static_cast<uint64_t>(argument) << 32 | (a0 & 0xffffffff),
                      static_cast<int32_t>(result));
        kernel::sight_effect(machine, number, a0, a1, a2, result);
    }
    if (leaves) {
        kernel::sight_back(machine, result);
    }
    return result;
}

}  // namespace v0
}  // namespace resume
