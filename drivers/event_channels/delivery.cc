// Masks, and the way from Xen's bits to the handlers.
#include "drivers/event_channels/event_channels.h"
#include "drivers/support/emit.h"
#include "drivers/support/xen_result.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kWordBits = 64;
constexpr uint32_t kWords = EventChannels::kPorts / kWordBits;

constexpr uint64_t bit_of(Port port) noexcept {
    return uint64_t{1} << port % kWordBits;
}

}  // namespace

void EventChannels::mask_all() noexcept {
    if (fifo_.in_use()) {
        fifo_.mask_all();
        return;
    }
    shared_info& shared = shared_info_.page();
    for (uint32_t word = 0; word < kWords; ++word) {
        __atomic_store_n(&shared.evtchn_mask[word], ~xen_ulong_t{0}, __ATOMIC_RELAXED);
    }
}

void EventChannels::mask_port(Port port) noexcept {
    if (fifo_.in_use()) {
        fifo_.mask(port);
        return;
    }
    xen_ulong_t& word = shared_info_.page().evtchn_mask[port / kWordBits];
    __atomic_fetch_or(&word, bit_of(port), __ATOMIC_SEQ_CST);
}

/// True when an event came behind the mask.
bool EventChannels::unmask_port(Port port) noexcept {
    if (fifo_.in_use()) {
        return fifo_.unmask(port);
    }
    shared_info& shared = shared_info_.page();
    const uint32_t word = port / kWordBits;
    __atomic_fetch_and(&shared.evtchn_mask[word], ~bit_of(port), __ATOMIC_SEQ_CST);
    const bool came =
        (__atomic_load_n(&shared.evtchn_pending[word], __ATOMIC_SEQ_CST) & bit_of(port)) != 0;
    if (came) {
        mask_port(port);  // Xen delivers what it finds masked only
    }
    return came;
}

void EventChannels::clear_pending(Port port) noexcept {
    if (fifo_.in_use()) {
        fifo_.clear_pending(port);
        return;
    }
    xen_ulong_t& word = shared_info_.page().evtchn_pending[port / kWordBits];
    __atomic_fetch_and(&word, ~bit_of(port), __ATOMIC_SEQ_CST);
}

void EventChannels::mask(const Channel& channel) noexcept {
    if (channel.port != 0) {
        mask_port(channel.port);
    }
}

/// Xen gives no upcall for what became pending behind the mask, so it is asked for one then.
void EventChannels::unmask(const Channel& channel) noexcept {
    if (channel.port != 0 && unmask_port(channel.port)) {
        evtchn_unmask again{.port = channel.port};
        (void)xen::event_channel_op(machine_, EVTCHNOP_unmask, again);
    }
}

void EventChannels::mask_devices() noexcept {
    devices_masked_ = true;
    for (Port port = 0; port < top_; ++port) {
        const Channel* const channel = by_port_[port];
        if (channel != nullptr && channel->kind == Channel::Kind::interdomain) {
            mask(*channel);
        }
    }
    emit(machine_, id(), EventKind::device_irqs_masked);
}

void EventChannels::unmask_devices() noexcept {
    devices_masked_ = false;
    for (Port port = 0; port < top_; ++port) {
        const Channel* const channel = by_port_[port];
        const bool late_ipi =
            channel != nullptr && channel->kind == Channel::Kind::ipi && bugs_.has(Bug::ipi_masked);
        if (late_ipi || (channel != nullptr && channel->kind == Channel::Kind::interdomain)) {
            unmask(*channel);
        }
    }
    emit(machine_, id(), EventKind::device_irqs_unmasked);
}

void EventChannels::handle_upcall(uint32_t cpu) noexcept {
    vcpu_info& vcpu = shared_info_.vcpu(cpu);
    // First the flag, then what is pending: what comes in between raises the flag again.
    while (__atomic_exchange_n(&vcpu.evtchn_upcall_pending, uint8_t{0}, __ATOMIC_SEQ_CST) != 0) {
        if (fifo_.in_use()) {
            fifo_.handle(
                cpu,
                [](void* self, uint32_t on, Port port) noexcept {
                    static_cast<EventChannels*>(self)->run_port(on, port);
                },
                this);
        } else {
            run_selected(cpu);
        }
    }
}

void EventChannels::run_selected(uint32_t cpu) noexcept {
    uint64_t selector = __atomic_exchange_n(&shared_info_.vcpu(cpu).evtchn_pending_sel,
                                            xen_ulong_t{0}, __ATOMIC_SEQ_CST);
    while (selector != 0) {
        const auto word = static_cast<uint32_t>(__builtin_ctzll(selector));
        selector &= selector - 1;
        if (word < kWords) {
            run_word(cpu, word);
        }
    }
}

void EventChannels::run_word(uint32_t cpu, uint32_t word) noexcept {
    shared_info& shared = shared_info_.page();
    uint64_t active = __atomic_load_n(&shared.evtchn_pending[word], __ATOMIC_SEQ_CST) &
                      ~__atomic_load_n(&shared.evtchn_mask[word], __ATOMIC_SEQ_CST);
    while (active != 0) {
        const Port port = word * kWordBits + static_cast<uint32_t>(__builtin_ctzll(active));
        active &= active - 1;
        const Channel* const channel = by_port_[port];
        // The bits are the domain's: each vCPU has its own selector.
        if (channel == nullptr || channel->vcpu == cpu) {
            run_port(cpu, port);
        }
    }
}

void EventChannels::run_port(uint32_t cpu, Port port) noexcept {
    Channel* const channel = port < kPorts ? by_port_[port] : nullptr;
    clear_pending(port);
    if (channel == nullptr) {
        mask_port(port);
        stale(port);
        return;
    }
    if (trace_upcalls_) {
        emit(machine_, channel->owner, EventKind::upcall, port);
    }
    if (channel->handler != nullptr) {
        channel->handler(channel->argument, cpu);
    }
}

}  // namespace v0
}  // namespace resume
