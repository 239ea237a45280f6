#include "drivers/store/ring.h"

#include <xen/io/xs_wire.h>

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kSize = XENSTORE_RING_SIZE;

/// Bytes between two indices of the ring, of which one is the other side's word.
Result<uint32_t> distance(uint32_t producer, uint32_t consumer) noexcept {
    const uint32_t used = producer - consumer;
    if (used > kSize) {
        return {Errc::malformed, static_cast<int32_t>(used)};
    }
    return used;
}

/// The part of `count` bytes from an index on that stands before the ring's end.
uint32_t up_to_end(uint32_t index, uint32_t count) noexcept {
    const uint32_t room = kSize - MASK_XENSTORE_IDX(index);
    return count < room ? count : room;
}

}  // namespace

Result<uint32_t> StoreRing::put(const char* bytes, uint32_t size) noexcept {
    const uint32_t consumer = __atomic_load_n(&page_->req_cons, __ATOMIC_ACQUIRE);
    const uint32_t producer = __atomic_load_n(&page_->req_prod, __ATOMIC_RELAXED);
    const Result<uint32_t> used = distance(producer, consumer);
    if (!used.ok()) {
        return used;
    }
    const uint32_t room = kSize - used.value();
    const uint32_t count = size < room ? size : room;
    const uint32_t first = up_to_end(producer, count);
    __builtin_memcpy(page_->req + MASK_XENSTORE_IDX(producer), bytes, first);
    __builtin_memcpy(page_->req, bytes + first, count - first);
    __atomic_store_n(&page_->req_prod, producer + count, __ATOMIC_RELEASE);
    return count;
}

Result<uint32_t> StoreRing::take(char* bytes, uint32_t size) noexcept {
    const uint32_t producer = __atomic_load_n(&page_->rsp_prod, __ATOMIC_ACQUIRE);
    const uint32_t consumer = __atomic_load_n(&page_->rsp_cons, __ATOMIC_RELAXED);
    const Result<uint32_t> used = distance(producer, consumer);
    if (!used.ok()) {
        return used;
    }
    const uint32_t count = size < used.value() ? size : used.value();
    const uint32_t first = up_to_end(consumer, count);
    __builtin_memcpy(bytes, page_->rsp + MASK_XENSTORE_IDX(consumer), first);
    __builtin_memcpy(bytes + first, page_->rsp, count - first);
    __atomic_store_n(&page_->rsp_cons, consumer + count, __ATOMIC_RELEASE);
    return count;
}

Result<uint32_t> StoreRing::unsent() const noexcept {
    return distance(__atomic_load_n(&page_->req_prod, __ATOMIC_RELAXED),
                    __atomic_load_n(&page_->req_cons, __ATOMIC_ACQUIRE));
}

void StoreRing::drop_responses() noexcept {
    const uint32_t producer = __atomic_load_n(&page_->rsp_prod, __ATOMIC_ACQUIRE);
    __atomic_store_n(&page_->rsp_cons, producer, __ATOMIC_RELEASE);
}

}  // namespace v0
}  // namespace resume
