#include "drivers/netfront/queue.h"

namespace resume {
inline namespace v0 {

static_assert(kNetSendSlots <= 32 && kNetReceiveSlots <= 32, "slots are bits of a mask");

NetQueue::NetQueue(Machine& machine, EventChannels& events, GrantTable& grants) noexcept
    : machine_{machine}, events_{events}, grants_{grants} {
    // The interrupt does nothing but end wait_for_interrupt(): the thread looks into the rings.
    channel_.handler = [](void*, uint32_t) noexcept {};
}

Result<> NetQueue::open(NetQueueMemory& memory, DomId domain, DeviceId owner) noexcept {
    RESUME_ASSERT(memory_ == nullptr);
    auto* send = reinterpret_cast<netif_tx_sring*>(memory.send_ring.bytes);
    auto* receive = reinterpret_cast<netif_rx_sring*>(memory.receive_ring.bytes);
    XEN_FRONT_RING_INIT(&send_ring_, send, kPageSize);
    XEN_FRONT_RING_INIT(&receive_ring_, receive, kPageSize);
    RESUME_ASSERT(send_ring_.nr_ents >= kNetSendSlots && receive_ring_.nr_ents >= kNetReceiveSlots);
    channel_.owner = owner;
    Result<> ready = grant_all(memory, domain);
    if (ready.ok()) {
        ready = events_.offer(channel_, domain);
    }
    if (!ready.ok()) {
        end_all();
        return ready;
    }
    memory_ = &memory;
    for (uint32_t slot = 0; slot < kNetReceiveSlots; ++slot) {
        post(slot);
    }
    RING_PUSH_REQUESTS(&receive_ring_);  // nobody listens yet
    return {};
}

Result<> NetQueue::grant_all(NetQueueMemory& memory, DomId domain) noexcept {
    RESUME_TRY(grant(memory.send_ring, domain, false, send_reference_));
    RESUME_TRY(grant(memory.receive_ring, domain, false, receive_reference_));
    for (uint32_t slot = 0; slot < kNetSendSlots; ++slot) {
        RESUME_TRY(grant(memory.send[slot], domain, true, send_page_[slot]));
    }
    for (uint32_t slot = 0; slot < kNetReceiveSlots; ++slot) {
        RESUME_TRY(grant(memory.receive[slot], domain, false, receive_page_[slot]));
    }
    return {};
}

Result<> NetQueue::grant(NetPage& page, DomId domain, bool readonly, uint32_t& reference) noexcept {
    const Result<uint32_t> made = grants_.grant(domain, frame_of(machine_, page.bytes), readonly);
    if (!made.ok()) {
        return made.error();
    }
    reference = made.value();
    return {};
}

void NetQueue::end(uint32_t& reference) noexcept {
    if (reference != 0) {
        // Nothing can be done about a backend that keeps a page mapped, but to tell of it.
        leaked_ += grants_.end(reference).ok() ? 0 : 1;
        reference = 0;
    }
}

void NetQueue::end_all() noexcept {
    end(send_reference_);
    end(receive_reference_);
    for (uint32_t& reference : send_page_) {
        end(reference);
    }
    for (uint32_t& reference : receive_page_) {
        end(reference);
    }
}

void NetQueue::close() noexcept {
    if (memory_ == nullptr) {
        return;
    }
    end_all();
    events_.close(channel_);
    forget();
}

void NetQueue::forget() noexcept {
    send_reference_ = receive_reference_ = 0;
    for (uint32_t& reference : send_page_) {
        reference = 0;
    }
    for (uint32_t& reference : receive_page_) {
        reference = 0;
    }
    under_way_ = sending_ = posted_ = 0;
    lent_ = kNetReceiveSlots;
    events_.detach(channel_);
    memory_ = nullptr;
}

void NetQueue::post(uint32_t slot) noexcept {
    netif_rx_request* request = RING_GET_REQUEST(&receive_ring_, receive_ring_.req_prod_pvt);
    request->id = static_cast<uint16_t>(slot);
    request->gref = receive_page_[slot];
    ++receive_ring_.req_prod_pvt;
    posted_ |= 1U << slot;
}

bool NetQueue::put(const char* frame, uint32_t size) noexcept {
    RESUME_ASSERT(memory_ != nullptr && size <= kFrameMax);
    uint32_t slot = 0;
    while (slot < kNetSendSlots && (sending_ & 1U << slot) != 0) {
        ++slot;
    }
    if (slot == kNetSendSlots || RING_FULL(&send_ring_)) {
        return false;
    }
    __builtin_memcpy(memory_->send[slot].bytes, frame, size);
    netif_tx_request* request = RING_GET_REQUEST(&send_ring_, send_ring_.req_prod_pvt);
    request->gref = send_page_[slot];
    request->offset = 0;
    request->flags = 0;
    request->id = static_cast<uint16_t>(slot);
    request->size = static_cast<uint16_t>(size);
    ++send_ring_.req_prod_pvt;
    sending_ |= 1U << slot;
    ++under_way_;
    return true;
}

void NetQueue::flush() noexcept {
    if (memory_ == nullptr) {
        return;
    }
    bool send = false;
    bool receive = false;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&send_ring_, send);
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&receive_ring_, receive);
    if (send || receive) {
        (void)events_.notify(channel_);
    }
}

}  // namespace v0
}  // namespace resume
