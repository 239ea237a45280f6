// What comes back from a ring, checked before it is believed.
#include "drivers/blkfront/queue.h"

namespace resume {
inline namespace v0 {

void BlockQueue::flush() noexcept {
    bool wanted = false;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&ring_, wanted);
    if (wanted) {
        (void)events_.notify(channel_);
    }
}

bool BlockQueue::take(Answer& answer) noexcept {
    while (memory_ != nullptr) {
        const RING_IDX produced = __atomic_load_n(&ring_.sring->rsp_prod, __ATOMIC_ACQUIRE);
        if (RING_RESPONSE_PROD_OVERFLOW(&ring_, produced)) {
            ++malformed_;
            return false;
        }
        if (produced == ring_.rsp_cons) {
            int more = 0;
            RING_FINAL_CHECK_FOR_RESPONSES(&ring_, more);
            if (more == 0) {
                return false;
            }
            continue;
        }
        blkif_response response;
        RING_COPY_RESPONSE(&ring_, ring_.rsp_cons, &response);
        ++ring_.rsp_cons;
        if (response.id >= kBlockSlots || !slots_[response.id].busy) {
            ++malformed_;
            continue;
        }
        Slot& slot = slots_[response.id];
        answer = {.part = slot.part, .good = response.status == BLKIF_RSP_OKAY};
        if (slot.persistent && answer.good && slot.part.operation == BLKIF_OP_READ) {
            copy(slot, false);
        }
        release(slot);
        slot.busy = false;
        --under_way_;
        return true;
    }
    return false;
}

bool BlockQueue::take_back(BlockPart& part, bool same_domain) noexcept {
    for (Slot& slot : slots_) {
        if (slot.busy) {
            slot.busy = false;
            --under_way_;
            part = slot.part;
            if (same_domain) {
                release(slot);
            }
            return true;
        }
    }
    return false;
}

}  // namespace v0
}  // namespace resume
