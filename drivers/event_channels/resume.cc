// After the hypercall: every number means nothing until it is bound again (xen_irq_resume).
#include "drivers/event_channels/event_channels.h"
#include "drivers/support/emit.h"
#include "drivers/support/xen_result.h"

namespace resume {
inline namespace v0 {

Result<> EventChannels::syscore_suspend(SyscoreContext&) noexcept {
    return {};
}

Result<> EventChannels::syscore_resume(SyscoreContext& context, Outcome outcome) noexcept {
    if (outcome != Outcome::resumed) {
        return {};
    }
    forget_all();
    Result<> first{};
    if (context.evidence() != DomainEvidence::same && !bugs_.has(Bug::fifo_kept)) {
        const Result<> fifo = fifo_.take_up();
        first = fifo_.in_use() ? fifo : Result<>{};
    }
    mask_all();
    for (Channel& channel : rebound_) {
        const Result<> bound = rebind(channel, context.evidence());
        if (!bound.ok() && first.ok()) {
            first = bound;
        }
    }
    if (context.evidence() == DomainEvidence::same && first.ok()) {
        first = check_areas_alive();
    }
    return first;
}

/// Local only: the numbers may be somebody else's by now, so nothing is closed (L9).
void EventChannels::forget_all() noexcept {
    for (Port port = 0; port < top_; ++port) {
        Channel*& channel = by_port_[port];
        if (channel != nullptr) {
            channel->old_port = channel->port;
            channel->port = 0;
            channel = nullptr;
        }
    }
    top_ = 0;
}

Result<> EventChannels::rebind(Channel& channel, DomainEvidence evidence) noexcept {
    Port port = 0;
    if (evidence == DomainEvidence::same && still_bound(channel)) {
        port = channel.old_port;
    } else {
        const Result<Port> bound = bind(channel);
        if (!bound.ok()) {
            // FreeBSD panics here (xen_rebind_virq), and so ends its recovery of a failed
            // migration.
            RESUME_ASSERT(!bugs_.has(Bug::cancel_as_resume));
            return bound.error();
        }
        port = bound.value();
    }
    enter(channel, port);
    if (channel.kind == Channel::Kind::virq || !bugs_.has(Bug::ipi_masked)) {
        unmask(channel);
    }
    return {};
}

/// In the same domain a second VIRQ would be refused (EEXIST) and a second IPI port would leak.
bool EventChannels::still_bound(const Channel& channel) noexcept {
    if (channel.old_port == 0) {
        return false;
    }
    evtchn_status status{};
    status.dom = DOMID_SELF;
    status.port = channel.old_port;
    if (xen::event_channel_op(machine_, EVTCHNOP_status, status) != 0 ||
        status.vcpu != channel.vcpu) {
        return false;
    }
    return channel.kind == Channel::Kind::virq
               ? status.status == EVTCHNSTAT_virq && status.u.virq == channel.virq
               : status.status == EVTCHNSTAT_ipi;
}

Result<> EventChannels::reattach(Channel& channel) noexcept {
    if (channel.old_port == 0) {
        return Errc::gone;
    }
    evtchn_status status{};
    status.dom = DOMID_SELF;
    status.port = channel.old_port;
    const bool there =
        xen::event_channel_op(machine_, EVTCHNOP_status, status) == 0 &&
        (status.status == EVTCHNSTAT_interdomain || status.status == EVTCHNSTAT_unbound);
    return there ? attach(channel, channel.old_port) : Result<>{Errc::gone};
}

/// "Registered already" is believed only of an area that Xen still writes to: an event sent to each
/// vCPU must raise its flag (failure 52). One spurious upcall each is what it costs.
Result<> EventChannels::check_areas_alive() noexcept {
    for (const Channel& channel : rebound_) {
        if (channel.kind == Channel::Kind::ipi && !area_is_alive(channel)) {
            return {Errc::gone, static_cast<int32_t>(channel.vcpu)};
        }
    }
    return {};
}

bool EventChannels::area_is_alive(const Channel& ipi) noexcept {
    vcpu_info& vcpu = shared_info_.vcpu(ipi.vcpu);
    if (!fifo_.in_use()) {
        // Xen raises the flag only when both bits below it go from 0 to 1.
        const uint64_t selected =
            __atomic_exchange_n(&vcpu.evtchn_pending_sel, xen_ulong_t{0}, __ATOMIC_SEQ_CST);
        const bool alive = raises_flag(ipi);
        __atomic_fetch_or(&vcpu.evtchn_pending_sel, selected, __ATOMIC_SEQ_CST);
        if (selected != 0) {
            __atomic_store_n(&vcpu.evtchn_upcall_pending, uint8_t{1}, __ATOMIC_SEQ_CST);
        }
        return alive;
    }
    // And here only for what comes into an empty queue.
    fifo_.drop(ipi.vcpu);
    const bool alive = raises_flag(ipi);
    for (const Channel& channel : rebound_) {
        if (channel.vcpu == ipi.vcpu && fifo_.pending(channel.port)) {
            evtchn_unmask again{.port = channel.port};
            (void)xen::event_channel_op(machine_, EVTCHNOP_unmask, again);
        }
    }
    return alive;
}

bool EventChannels::raises_flag(const Channel& ipi) noexcept {
    uint8_t& flag = shared_info_.vcpu(ipi.vcpu).evtchn_upcall_pending;
    __atomic_store_n(&flag, uint8_t{0}, __ATOMIC_SEQ_CST);
    clear_pending(ipi.port);
    (void)notify(ipi);
    return __atomic_load_n(&flag, __ATOMIC_SEQ_CST) != 0;
}

}  // namespace v0
}  // namespace resume
