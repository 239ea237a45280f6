#include "drivers/model/event_channels.h"

#include <cerrno>
#include <utility>

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

constexpr uint32_t kPorts = 4096;
constexpr uint32_t kIpiKind = 0x100;  // in port_bound's b

bool per_vcpu(uint32_t virq) {
    return virq == VIRQ_TIMER || virq == VIRQ_DEBUG || virq == VIRQ_XENOPROF || virq == VIRQ_XENPMU;
}

}  // namespace

EventChannels::EventChannels(Machine& machine) : machine_{machine}, channels_(1), fifo_{machine} {}

bool EventChannels::is_bound(Port port) const {
    return port != 0 && port < channels_.size() && channels_[port].kind != Channel::Kind::free;
}

const Channel* EventChannels::find(Port port) const {
    return is_bound(port) ? &channels_[port] : nullptr;
}

long EventChannels::allocate(Channel channel) {
    const auto end = static_cast<Port>(channels_.size());
    for (Port port = 1; port < end; ++port) {
        if (channels_[port].kind == Channel::Kind::free) {
            channels_[port] = std::move(channel);
            return static_cast<long>(port);
        }
    }
    if (end >= (fifo_.in_use() ? EVTCHN_FIFO_NR_CHANNELS : machine_.shared_info.ports())) {
        return -ENOSPC;
    }
    channels_.push_back(std::move(channel));
    return static_cast<long>(end);
}

Port EventChannels::open(std::function<void()> notified) {
    const long port = allocate(
        {.kind = Channel::Kind::interdomain, .remote = 0, .notified = std::move(notified)});
    return static_cast<Port>(port);
}

bool EventChannels::join(Port port, DomId domain, std::function<void()> notified) {
    if (!is_bound(port) || channels_[port].kind != Channel::Kind::unbound ||
        channels_[port].remote != domain) {
        return false;
    }
    channels_[port].kind = Channel::Kind::interdomain;
    channels_[port].notified = std::move(notified);
    return true;
}

void EventChannels::leave(Port port) {
    if (is_bound(port) && channels_[port].kind == Channel::Kind::interdomain) {
        channels_[port].kind = Channel::Kind::unbound;
        channels_[port].notified = nullptr;
    }
}

void EventChannels::take_over(Port port, std::function<void()> notified) {
    if (is_bound(port)) {
        channels_[port].notified = std::move(notified);
    }
}

void EventChannels::bound(Port port) const {
    const Channel& channel = channels_[port];
    uint64_t kind = 0;
    if (channel.kind == Channel::Kind::virq) {
        kind = 1 + channel.virq;
    } else if (channel.kind == Channel::Kind::ipi) {
        kind = kIpiKind;
    }
    machine_.sight(EventKind::port_bound, port, kind << 32 | channel.vcpu);
}

long EventChannels::bind_virq(uint32_t virq, uint32_t cpu, Port& port) {
    if (virq >= NR_VIRQS || (!per_vcpu(virq) && cpu != 0)) {
        return -EINVAL;
    }
    if (cpu >= machine_.config.vcpus) {
        return -ENOENT;
    }
    for (const Channel& channel : channels_) {
        if (channel.kind == Channel::Kind::virq && channel.virq == virq && channel.vcpu == cpu) {
            return -EEXIST;
        }
    }
    const long made = allocate({.kind = Channel::Kind::virq, .vcpu = cpu, .virq = virq});
    if (made < 0) {
        return made;
    }
    port = static_cast<Port>(made);
    bound(port);
    return 0;
}

long EventChannels::close(Port port) {
    if (!is_bound(port)) {
        machine_.sight(EventKind::port_stale, port);
        return -EINVAL;
    }
    channels_[port] = Channel{};
    if (fifo_.in_use()) {
        fifo_.clear_pending(port);
    } else {
        machine_.shared_info.clear_pending(port);
    }
    machine_.sight(EventKind::port_closed, port);
    return 0;
}

long EventChannels::send(Port port) {
    if (!is_bound(port)) {
        machine_.sight(EventKind::port_stale, port);
        return -EINVAL;
    }
    const Channel& channel = channels_[port];
    if (channel.kind == Channel::Kind::virq) {
        return -EINVAL;
    }
    machine_.sight(EventKind::port_notified, port);
    if (channel.kind == Channel::Kind::ipi) {
        set_pending(port);
    } else if (channel.notified) {
        channel.notified();
    }
    return 0;
}

void EventChannels::set_pending(Port port) {
    SharedInfo& shared = machine_.shared_info;
    if (fifo_.in_use()) {
        fifo_.set_pending(port, channels_[port].vcpu);
    } else if (port < shared.ports() && shared.set_pending(port) && !shared.masked(port)) {
        machine_.vcpus.mark_pending(channels_[port].vcpu, port);
    }
}

void EventChannels::raise(Port port) {
    if (is_bound(port)) {
        set_pending(port);
    }
}

void EventChannels::raise_virq(uint32_t cpu, uint32_t virq) {
    for (Port port = 1; port < channels_.size(); ++port) {
        const Channel& channel = channels_[port];
        if (channel.kind == Channel::Kind::virq && channel.virq == virq && channel.vcpu == cpu) {
            set_pending(port);
            return;
        }
    }
}

long EventChannels::unmask(Port port) {
    if (!is_bound(port)) {
        return -EINVAL;
    }
    SharedInfo& shared = machine_.shared_info;
    if (fifo_.in_use()) {
        fifo_.unmask(port, channels_[port].vcpu);
    } else if (shared.masked(port)) {
        shared.unmask(port);
        if (shared.pending(port)) {
            machine_.vcpus.mark_pending(channels_[port].vcpu, port);
        }
    }
    return 0;
}

long EventChannels::move(Port port, uint32_t cpu) {
    if (cpu >= machine_.config.vcpus) {
        return -ENOENT;
    }
    if (!is_bound(port) || channels_[port].kind == Channel::Kind::ipi ||
        (channels_[port].kind == Channel::Kind::virq && per_vcpu(channels_[port].virq))) {
        return -EINVAL;
    }
    channels_[port].vcpu = cpu;
    return 0;
}

long EventChannels::status(Port port, void* argument) const {
    auto& out = *static_cast<evtchn_status*>(argument);
    if (port == 0 || port >= kPorts) {
        return -EINVAL;
    }
    const Channel channel = port < channels_.size() ? channels_[port] : Channel{};
    out.vcpu = channel.vcpu;
    switch (channel.kind) {
        case Channel::Kind::free:
            out.status = EVTCHNSTAT_closed;
            break;
        case Channel::Kind::unbound:
            out.status = EVTCHNSTAT_unbound;
            out.u.unbound.dom = channel.remote;
            break;
        case Channel::Kind::interdomain:
            out.status = EVTCHNSTAT_interdomain;
            out.u.interdomain.dom = channel.remote;
            out.u.interdomain.port = port;
            break;
        case Channel::Kind::virq:
            out.status = EVTCHNSTAT_virq;
            out.u.virq = channel.virq;
            break;
        case Channel::Kind::ipi:
            out.status = EVTCHNSTAT_ipi;
            break;
    }
    return 0;
}

long EventChannels::operate(unsigned op, void* argument) {
    switch (op) {
        case EVTCHNOP_bind_virq: {
            auto& a = *static_cast<evtchn_bind_virq*>(argument);
            return bind_virq(a.virq, a.vcpu, a.port);
        }
        case EVTCHNOP_bind_ipi: {
            auto& a = *static_cast<evtchn_bind_ipi*>(argument);
            if (a.vcpu >= machine_.config.vcpus) {
                return -ENOENT;
            }
            const long made = allocate({.kind = Channel::Kind::ipi, .vcpu = a.vcpu});
            if (made > 0) {
                a.port = static_cast<Port>(made);
                bound(a.port);
            }
            return made < 0 ? made : 0;
        }
        case EVTCHNOP_alloc_unbound: {
            auto& a = *static_cast<evtchn_alloc_unbound*>(argument);
            const long made = allocate({.kind = Channel::Kind::unbound, .remote = a.remote_dom});
            if (made > 0) {
                a.port = static_cast<Port>(made);
                bound(a.port);
            }
            return made < 0 ? made : 0;
        }
        case EVTCHNOP_close:
            return close(static_cast<evtchn_close*>(argument)->port);
        case EVTCHNOP_send:
            return send(static_cast<evtchn_send*>(argument)->port);
        case EVTCHNOP_unmask:
            return unmask(static_cast<evtchn_unmask*>(argument)->port);
        case EVTCHNOP_status:
            return status(static_cast<evtchn_status*>(argument)->port, argument);
        case EVTCHNOP_bind_vcpu: {
            const auto& a = *static_cast<evtchn_bind_vcpu*>(argument);
            return move(a.port, a.vcpu);
        }
        case EVTCHNOP_init_control:
            return init_control(*static_cast<evtchn_init_control*>(argument));
        case EVTCHNOP_expand_array:
            return fifo_.expand(*static_cast<const evtchn_expand_array*>(argument));
        case EVTCHNOP_reset:
        case EVTCHNOP_bind_interdomain:
        case EVTCHNOP_bind_pirq:
            return -EPERM;
        default:
            return -ENOSYS;
    }
}

/// What is pending in the 2-level ABI when the guest leaves it is not lost with it.
long EventChannels::init_control(evtchn_init_control& a) {
    const bool first = !fifo_.in_use();
    const long result = fifo_.init_control(a);
    for (Port port = 1; first && result == 0 && port < channels_.size(); ++port) {
        if (is_bound(port) && machine_.shared_info.pending(port)) {
            fifo_.set_pending(port, channels_[port].vcpu);
        }
    }
    return result;
}

bool EventChannels::masked(Port port) const {
    return fifo_.in_use() ? fifo_.masked(port) : machine_.shared_info.masked(port);
}

void EventChannels::reset() {
    fifo_.forget();
    channels_.clear();
    channels_.resize(1);  // port 0 is none
}

bool EventChannels::has_ipi(uint32_t cpu) const {
    for (const Channel& channel : channels_) {
        if (channel.kind == Channel::Kind::ipi && channel.vcpu == cpu) {
            return true;
        }
    }
    return false;
}

Port EventChannels::open_ipi(uint32_t cpu) const {
    for (Port port = 1; port < channels_.size(); ++port) {
        const Channel& channel = channels_[port];
        if (channel.kind == Channel::Kind::ipi && channel.vcpu == cpu && !masked(port)) {
            return port;
        }
    }
    return 0;
}

}  // namespace resume::model
