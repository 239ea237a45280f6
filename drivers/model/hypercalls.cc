// Decodes hypercalls, lets the fault plan meddle, and witnesses what was carried out.
#include <cerrno>
#include <string>

#include "drivers/model/machine.h"

namespace resume {
namespace model {
namespace {

struct Call {
    unsigned number;
    uintptr_t a0, a1, a2, a3, a4;
    [[nodiscard]] void* pointer(uintptr_t value) const { return reinterpret_cast<void*>(value); }
    [[nodiscard]] unsigned op() const { return static_cast<unsigned>(a0); }
};

// "First argument" as libresume/oracle/EVENTS.md has it.
uint32_t first_argument(const Call& call) {
    const void* const p = call.pointer(call.a1);
    switch (call.number) {
        case __HYPERVISOR_sched_op:
            return call.op() == SCHEDOP_shutdown ? static_cast<const sched_shutdown*>(p)->reason
                                                 : 0;
        case __HYPERVISOR_vcpu_op:
            return static_cast<uint32_t>(call.a1);
        case __HYPERVISOR_hvm_op:
            if (call.op() == HVMOP_set_evtchn_upcall_vector) {
                return static_cast<const xen_hvm_evtchn_upcall_vector_t*>(p)->vcpu;
            }
            return call.op() <= HVMOP_get_param ? static_cast<const xen_hvm_param_t*>(p)->index : 0;
        case __HYPERVISOR_memory_op:
            return call.op() == XENMEM_add_to_physmap
                       ? static_cast<const xen_add_to_physmap*>(p)->space
                       : 0;
        case __HYPERVISOR_event_channel_op:
            switch (call.op()) {
                case EVTCHNOP_close:
                    return static_cast<const evtchn_close*>(p)->port;
                case EVTCHNOP_send:
                    return static_cast<const evtchn_send*>(p)->port;
                case EVTCHNOP_unmask:
                    return static_cast<const evtchn_unmask*>(p)->port;
                default:
                    return 0;
            }
        default:
            return 0;
    }
}

bool worth_a_line(const Call& call) {
    if (call.number == __HYPERVISOR_sched_op) {
        return call.op() == SCHEDOP_shutdown;
    }
    return call.number != __HYPERVISOR_console_io;
}

long memory_op(Machine& m, const Call& call) {
    if (call.op() == XENMEM_decrease_reservation || call.op() == XENMEM_populate_physmap) {
        return m.reservation.operate(call.op(), call.pointer(call.a1));
    }
    if (call.op() != XENMEM_add_to_physmap) {
        return -ENOSYS;
    }
    const auto& a = *static_cast<const xen_add_to_physmap*>(call.pointer(call.a1));
    long result = -EINVAL;
    if (a.domid != DOMID_SELF) {
        return -ESRCH;
    }
    if (a.space == XENMAPSPACE_shared_info && a.idx == 0) {
        m.shared_info.map(a.gpfn);
        m.timekeeping.publish_all();
        result = 0;
    } else if (a.space == XENMAPSPACE_grant_table) {
        result = m.grants.map(a.idx, a.gpfn);
    }
    m.sight(EventKind::memory_mapped, a.space, a.gpfn, static_cast<int32_t>(result));
    return result;
}

long version_op(Machine& m, const Call& call) {
    constexpr long kVersion = 4 << 16 | 17;
    constexpr uint32_t kFeatures = 0x12205;  // what Xen 4.17 tells a PVH guest, but for bit 8
    switch (call.op()) {
        case XENVER_version:
            return kVersion;
        case XENVER_get_features: {
            auto& a = *static_cast<xen_feature_info*>(call.pointer(call.a1));
            a.submap =
                a.submap_idx == 0 ? kFeatures | (m.host().callback_vector ? 1u << 8 : 0u) : 0;
            return 0;
        }
        default:
            return -ENOSYS;
    }
}

long shutdown(Machine& m, uint32_t reason) {
    switch (reason) {
        case SHUTDOWN_suspend:
            return m.domain.suspend(m.vcpus.current());
        case SHUTDOWN_poweroff:
            m.die(GuestEnd::stopped, "SCHEDOP_shutdown(poweroff)");
        case SHUTDOWN_reboot:
            m.die(GuestEnd::rebooted, "SCHEDOP_shutdown(reboot)");
        case SHUTDOWN_crash:
            m.die(GuestEnd::crashed, "SCHEDOP_shutdown(crash)");
        default:
            return -EINVAL;
    }
}

long sched_op(Machine& m, const Call& call) {
    switch (call.op()) {
        case SCHEDOP_yield:
        case SCHEDOP_block:
        case SCHEDOP_poll:
            m.clock.run_next(m.clock.now() + kMillisecond);
            return 0;
        case SCHEDOP_shutdown:
            return shutdown(m, static_cast<const sched_shutdown*>(call.pointer(call.a1))->reason);
        default:
            return -ENOSYS;
    }
}

long dispatch(Machine& m, const Call& call) {
    switch (call.number) {
        case __HYPERVISOR_event_channel_op:
            return m.channels.operate(call.op(), call.pointer(call.a1));
        case __HYPERVISOR_memory_op:
            return memory_op(m, call);
        case __HYPERVISOR_hvm_op:
            return m.params.operate(call.op(), call.pointer(call.a1));
        case __HYPERVISOR_vcpu_op:
            return m.vcpus.operate(call.op(), static_cast<uint32_t>(call.a1),
                                   call.pointer(call.a2));
        case __HYPERVISOR_grant_table_op:
            return call.a2 == 1 ? m.grants.operate(call.op(), call.pointer(call.a1)) : -EINVAL;
        case __HYPERVISOR_xen_version:
            return version_op(m, call);
        case __HYPERVISOR_sched_op:
            return sched_op(m, call);
        case __HYPERVISOR_console_io:
            return -EPERM;  // as a release build of Xen answers a guest
        default:
            return -ENOSYS;
    }
}

}  // namespace
}  // namespace model

inline namespace v0 {

long hypercall(Machine& machine, unsigned number, uintptr_t a0, uintptr_t a1, uintptr_t a2,
               uintptr_t a3, uintptr_t a4) noexcept {
    const model::HostSection host{machine};
    const model::Call call{number, a0, a1, a2, a3, a4};
    machine.clock.spend(machine.config.hypercall_cost);
    const bool seen = model::worth_a_line(call);
    const uint32_t first = seen ? model::first_argument(call) : 0;
    const auto hit = machine.faults.meet(model::FaultSite::hypercall, number, call.op());
    if (hit) {
        machine.sight(EventKind::fault_injected, hit->index);
        machine.clock.spend(hit->fault.delay);
        if (hit->fault.swallow || hit->fault.error != 0) {
            return -hit->fault.error;
        }
    }
    const bool suspend = number == __HYPERVISOR_sched_op && call.op() == SCHEDOP_shutdown;
    const long result = model::dispatch(machine, call);
    if (seen) {
        machine.sight(EventKind::hypercall, number, uint64_t{call.op()} | uint64_t{first} << 32,
                      static_cast<int32_t>(result));
    }
    if (suspend) {
        machine.sight(EventKind::evidence, static_cast<uint32_t>(machine.domain.evidence()),
                      uint64_t{machine.domain.incarnation()} << 16 | machine.domain.id());
    }
    return result;
}

}  // namespace v0
}  // namespace resume
