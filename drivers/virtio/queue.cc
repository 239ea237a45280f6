#include "drivers/virtio/queue.h"

#include "drivers/support/physical.h"

namespace resume {
inline namespace v0 {

Result<> VirtQueue::open(VirtioMmio& registers, uint32_t index, VirtQueueMemory& memory) noexcept {
    RESUME_ASSERT(memory_ == nullptr && under_way_ == 0);
    uint32_t most = registers.most_entries(index);
    if (most == 0) {
        return {Errc::not_found, static_cast<int32_t>(index)};
    }
    most = most < kVirtEntries ? most : kVirtEntries;
    memory.available.flags = memory.available.index = 0;
    memory.used.flags = memory.used.index = 0;
    for (uint32_t i = 0; i < most; ++i) {
        next_[i] = static_cast<uint16_t>(i + 1);
        chains_[i] = {};
    }
    memory_ = &memory;
    index_ = index;
    entries_ = free_count_ = most;
    free_ = next_available_ = next_used_ = 0;
    registers.open_queue(index, {.entries = most,
                                 .descriptors = physical_address(machine_, memory.descriptors),
                                 .available = physical_address(machine_, &memory.available),
                                 .used = physical_address(machine_, &memory.used)});
    return {};
}

void VirtQueue::forget() noexcept {
    memory_ = nullptr;
    under_way_ = 0;
}

bool VirtQueue::put(const VirtPiece* pieces, uint32_t count, uint16_t token) noexcept {
    if (memory_ == nullptr || count > free_count_) {
        return false;
    }
    const uint16_t head = free_;
    Chain& chain = chains_[head];
    chain = {.token = token, .count = static_cast<uint16_t>(count), .writable = 0};
    for (uint32_t i = 0; i < count; ++i) {
        const uint16_t at = free_;
        const bool last = i + 1 == count;
        memory_->descriptors[at] = {
            .addr = physical_address(machine_, pieces[i].data),
            .len = pieces[i].size,
            .flags = static_cast<uint16_t>((last ? 0 : VRING_DESC_F_NEXT) |
                                           (pieces[i].device_writes ? VRING_DESC_F_WRITE : 0)),
            .next = last ? uint16_t{0} : next_[at]};
        chain.writable += pieces[i].device_writes ? pieces[i].size : 0;
        free_ = next_[at];
    }
    free_count_ -= count;
    memory_->available.ring[next_available_ % entries_] = head;
    ++next_available_;
    ++under_way_;
    return true;
}

void VirtQueue::flush(VirtioMmio& registers) noexcept {
    if (memory_ == nullptr || memory_->available.index == next_available_) {
        return;
    }
    __atomic_store_n(&memory_->available.index, next_available_, __ATOMIC_RELEASE);
    // The index before its flag: else both ends may wait for each other.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if ((__atomic_load_n(&memory_->used.flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY) == 0) {
        registers.notify(index_);
    }
}

bool VirtQueue::take(Used& used) noexcept {
    while (memory_ != nullptr) {
        const uint16_t produced = __atomic_load_n(&memory_->used.index, __ATOMIC_ACQUIRE);
        if (static_cast<uint16_t>(produced - next_used_) > under_way_) {
            ++malformed_;
            return false;
        }
        if (produced == next_used_) {
            return false;
        }
        const vring_used_elem& element = memory_->used.ring[next_used_ % entries_];
        const uint32_t head = __atomic_load_n(&element.id, __ATOMIC_RELAXED);
        const uint32_t written = __atomic_load_n(&element.len, __ATOMIC_RELAXED);
        ++next_used_;
        if (head >= entries_ || chains_[head].count == 0) {
            ++malformed_;
            continue;
        }
        const Chain chain = chains_[head];
        end(static_cast<uint16_t>(head));
        // It may say that it wrote more than it could: what it says is cut.
        malformed_ += written > chain.writable ? 1 : 0;
        used = {.token = chain.token,
                .written = written < chain.writable ? written : chain.writable};
        return true;
    }
    return false;
}

/// The chain's descriptors are free again; they follow one another in our own list.
void VirtQueue::end(uint16_t head) noexcept {
    Chain& chain = chains_[head];
    uint16_t last = head;
    for (uint16_t i = 1; i < chain.count; ++i) {
        last = next_[last];
    }
    next_[last] = free_;
    free_ = head;
    free_count_ += chain.count;
    chain.count = 0;
    --under_way_;
}

}  // namespace v0
}  // namespace resume
