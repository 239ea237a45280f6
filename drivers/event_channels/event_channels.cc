#include "drivers/event_channels/event_channels.h"

#include "drivers/support/boot_code.h"
#include "drivers/support/emit.h"
#include "drivers/support/xen_result.h"

namespace resume {
inline namespace v0 {

constexpr DriverOps EventChannels::kOps = {
    .driver = "event_channels",
    .rank = SystemRank::event_channels,
    .syscore_suspend = syscore_down<&EventChannels::syscore_suspend>,
    .syscore_resume = syscore_up<&EventChannels::syscore_resume>,
};

EventChannels::EventChannels(Machine& machine, const SharedInfo& shared_info, Bugs bugs,
                             const FifoPages& fifo) noexcept
    : Device{kOps, "event_channels"},
      machine_{machine},
      shared_info_{shared_info},
      bugs_{bugs},
      fifo_{machine, fifo} {}

RESUME_BOOT_CODE Result<> EventChannels::boot(BootContext&) noexcept {
    const Result<> fifo = fifo_.take_up();
    mask_all();
    return fifo_.in_use() ? fifo : Result<>{};
}

Port EventChannels::ports() const noexcept {
    return fifo_.in_use() && fifo_.ports() < kPorts ? fifo_.ports() : kPorts;
}

Result<> EventChannels::bind_virq(Channel& channel, uint32_t virq, uint32_t vcpu) noexcept {
    RESUME_ASSERT(channel.kind == Channel::Kind::none && vcpu < kMaxVcpus);
    channel.kind = Channel::Kind::virq;
    channel.virq = virq;
    channel.vcpu = vcpu;
    return bind_first(channel);
}

Result<> EventChannels::bind_ipi(Channel& channel, uint32_t vcpu) noexcept {
    RESUME_ASSERT(channel.kind == Channel::Kind::none && vcpu < kMaxVcpus);
    channel.kind = Channel::Kind::ipi;
    channel.vcpu = vcpu;
    return bind_first(channel);
}

Result<> EventChannels::bind_first(Channel& channel) noexcept {
    const Result<Port> port = bind(channel);
    if (!port.ok()) {
        channel.kind = Channel::Kind::none;
        return port.error();
    }
    rebound_.push_back(channel);
    enter(channel, port.value());
    unmask(channel);
    return {};
}

Result<> EventChannels::attach(Channel& channel, Port port) noexcept {
    if (port == 0 || port >= ports()) {
        return {Errc::invalid, static_cast<int32_t>(port)};
    }
    if (by_port_[port] != nullptr && by_port_[port] != &channel) {
        return {Errc::exists, static_cast<int32_t>(port)};
    }
    detach(channel);
    channel.kind = Channel::Kind::interdomain;
    channel.vcpu = 0;
    enter(channel, port);
    if (!devices_masked_) {
        unmask(channel);
    }
    return {};
}

Result<> EventChannels::offer(Channel& channel, DomId remote) noexcept {
    evtchn_alloc_unbound made{.dom = DOMID_SELF, .remote_dom = remote, .port = 0};
    RESUME_TRY(xen_result(xen::event_channel_op(machine_, EVTCHNOP_alloc_unbound, made)));
    return attach(channel, made.port);
}

void EventChannels::remove_cpu(uint32_t vcpu) noexcept {
    if (fifo_.in_use()) {
        fifo_.drop(vcpu);
    }
}

void EventChannels::close(Channel& channel) noexcept {
    if (channel.port != 0) {
        evtchn_close done{.port = channel.port};
        (void)xen::event_channel_op(machine_, EVTCHNOP_close, done);
    }
    detach(channel);
}

void EventChannels::detach(Channel& channel) noexcept {
    if (channel.port != 0) {
        mask(channel);
        by_port_[channel.port] = nullptr;
        channel.port = 0;
    }
    if (channel.hook.is_linked()) {
        rebound_.erase(rebound_.iterator_to(channel));
    }
    channel.kind = Channel::Kind::none;
}

void EventChannels::release_all() noexcept {
    forget_all();
    rebound_.clear();
}

void EventChannels::enter(Channel& channel, Port port) noexcept {
    channel.port = port;
    by_port_[port] = &channel;
    top_ = port < top_ ? top_ : port + 1;
}

Result<Port> EventChannels::bind(const Channel& channel) noexcept {
    evtchn_port_t port = 0;
    long value = 0;
    if (channel.kind == Channel::Kind::virq) {
        evtchn_bind_virq bind{.virq = channel.virq, .vcpu = channel.vcpu, .port = 0};
        value = xen::event_channel_op(machine_, EVTCHNOP_bind_virq, bind);
        port = bind.port;
    } else {
        evtchn_bind_ipi bind{.vcpu = channel.vcpu, .port = 0};
        value = xen::event_channel_op(machine_, EVTCHNOP_bind_ipi, bind);
        port = bind.port;
    }
    RESUME_TRY(xen_result(value));
    if (port == 0 || port >= ports() || by_port_[port] != nullptr) {
        return {Errc::malformed, static_cast<int32_t>(port)};
    }
    return Port{port};
}

bool EventChannels::notify(const Channel& channel) noexcept {
    if (channel.port == 0) {
        stale(0);
        return false;
    }
    return notify_port(channel.port);
}

bool EventChannels::notify_port(Port port) noexcept {
    if (port == 0 || port >= kPorts || by_port_[port] == nullptr) {
        stale(port);
        return false;
    }
    evtchn_send send{.port = port};
    return xen::event_channel_op(machine_, EVTCHNOP_send, send) == 0;
}

void EventChannels::stale(Port port) noexcept {
    RESUME_ASSERT(!bugs_.has(Bug::notify_stale));
    ++stale_;
    emit(machine_, id(), EventKind::port_stale, port);
}

}  // namespace v0
}  // namespace resume
