// What comes back from the rings, checked before it is believed.
#include "drivers/netfront/queue.h"

namespace resume {
inline namespace v0 {
namespace {

/// True when there is another answer; asks for an interrupt where there is none.
template <class Ring>
bool has_answer(Ring& ring, uint64_t& malformed) noexcept {
    for (;;) {
        const RING_IDX produced = __atomic_load_n(&ring.sring->rsp_prod, __ATOMIC_ACQUIRE);
        if (RING_RESPONSE_PROD_OVERFLOW(&ring, produced)) {
            ++malformed;
            return false;
        }
        if (produced != ring.rsp_cons) {
            return true;
        }
        int more = 0;
        RING_FINAL_CHECK_FOR_RESPONSES(&ring, more);
        if (more == 0) {
            return false;
        }
    }
}

}  // namespace

bool NetQueue::take_sent(bool& good) noexcept {
    while (memory_ != nullptr && has_answer(send_ring_, malformed_)) {
        netif_tx_response response;
        RING_COPY_RESPONSE(&send_ring_, send_ring_.rsp_cons, &response);
        ++send_ring_.rsp_cons;
        if (response.id >= kNetSendSlots || (sending_ & 1U << response.id) == 0) {
            ++malformed_;
            continue;
        }
        sending_ &= ~(1U << response.id);
        --under_way_;
        good = response.status == NETIF_RSP_OKAY;
        return true;
    }
    return false;
}

bool NetQueue::check(const netif_rx_response& response, Frame& frame) noexcept {
    const auto size = static_cast<uint32_t>(response.status < 0 ? 0 : response.status);
    // More than one buffer, or something about it, was never asked for.
    const bool whole = (response.flags & (NETRXF_more_data | NETRXF_extra_info)) == 0;
    if (!whole || size < kFrameMin || size > kPageSize || response.offset > kPageSize - size) {
        ++malformed_;
        return false;
    }
    frame.data = memory_->receive[response.id].bytes + response.offset;
    frame.size = size;
    return true;
}

bool NetQueue::take(Frame& frame) noexcept {
    if (lent_ != kNetReceiveSlots) {
        post(lent_);
        lent_ = kNetReceiveSlots;
    }
    while (memory_ != nullptr && has_answer(receive_ring_, malformed_)) {
        netif_rx_response response;
        RING_COPY_RESPONSE(&receive_ring_, receive_ring_.rsp_cons, &response);
        ++receive_ring_.rsp_cons;
        if (response.id >= kNetReceiveSlots || (posted_ & 1U << response.id) == 0) {
            ++malformed_;
            continue;
        }
        posted_ &= ~(1U << response.id);
        if (check(response, frame)) {
            lent_ = response.id;
            return true;
        }
        post(response.id);
    }
    return false;
}

}  // namespace v0
}  // namespace resume
