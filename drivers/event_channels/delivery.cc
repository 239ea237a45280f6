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
    shared_info& shared = shared_info_.page();
    for (uint32_t word = 0; word < kWords; ++word) {
        __atomic_store_n(&shared.evtchn_mask[word], ~xen_ulong_t{0}, __ATOMIC_RELAXED);
    }
}

void EventChannels::mask(const Channel& channel) noexcept {
    if (channel.port != 0) {
        xen_ulong_t& word = shared_info_.page().evtchn_mask[channel.port / kWordBits];
        __atomic_fetch_or(&word, bit_of(channel.port), __ATOMIC_SEQ_CST);
    }
}

/// Xen gives no upcall for what became pending behind the mask, so it is asked for one then.
void EventChannels::unmask(const Channel& channel) noexcept {
    if (channel.port == 0) {
        return;
    }
    shared_info& shared = shared_info_.page();
    const uint32_t word = channel.port / kWordBits;
    const uint64_t bit = bit_of(channel.port);
    __atomic_fetch_and(&shared.evtchn_mask[word], ~bit, __ATOMIC_SEQ_CST);
    if ((__atomic_load_n(&shared.evtchn_pending[word], __ATOMIC_SEQ_CST) & bit) != 0) {
        __atomic_fetch_or(&shared.evtchn_mask[word], bit, __ATOMIC_SEQ_CST);
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
    // First the flag, then the selector: what comes in between raises the flag again.
    while (__atomic_exchange_n(&vcpu.evtchn_upcall_pending, uint8_t{0}, __ATOMIC_SEQ_CST) != 0) {
        uint64_t selector =
            __atomic_exchange_n(&vcpu.evtchn_pending_sel, xen_ulong_t{0}, __ATOMIC_SEQ_CST);
        while (selector != 0) {
            const auto word = static_cast<uint32_t>(__builtin_ctzll(selector));
            selector &= selector - 1;
            if (word < kWords) {
                run_word(cpu, word);
            }
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
        Channel* channel = by_port_[port];
        if (channel != nullptr && channel->vcpu != cpu) {
            continue;  // the bits are the domain's: that vCPU has its own selector
        }
        __atomic_fetch_and(&shared.evtchn_pending[word], ~bit_of(port), __ATOMIC_SEQ_CST);
        if (channel == nullptr) {
            __atomic_fetch_or(&shared.evtchn_mask[word], bit_of(port), __ATOMIC_SEQ_CST);
            stale(port);
            continue;
        }
        if (trace_upcalls_) {
            emit(machine_, channel->owner, EventKind::upcall, port);
        }
        if (channel->handler != nullptr) {
            channel->handler(channel->argument, cpu);
        }
    }
}

}  // namespace v0
}  // namespace resume
