#include "drivers/blkfront/queue.h"

namespace resume {
inline namespace v0 {
namespace {

bool moves_data(const BlockPart& part) noexcept {
    return part.operation == BLKIF_OP_READ || part.operation == BLKIF_OP_WRITE;
}

}  // namespace

BlockQueue::BlockQueue(Machine& machine, EventChannels& events, GrantTable& grants) noexcept
    : machine_{machine}, events_{events}, grants_{grants} {
    // The interrupt does nothing but end wait_for_interrupt(): the thread looks into the ring.
    channel_.handler = [](void*, uint32_t) noexcept {};
}

Result<> BlockQueue::open(BlockQueueMemory& memory, DomId domain, uint16_t handle,
                          DeviceId owner) noexcept {
    RESUME_ASSERT(memory_ == nullptr && under_way_ == 0);
    auto* shared = reinterpret_cast<blkif_sring*>(memory.ring.bytes);
    XEN_FRONT_RING_INIT(&ring_, shared, kPageSize);
    RESUME_ASSERT(ring_.nr_ents == kBlockSlots);
    const Result<uint32_t> reference =
        grants_.grant(domain, frame_of(machine_, memory.ring.bytes), false);
    if (!reference.ok()) {
        return reference.error();
    }
    channel_.owner = owner;
    if (const Result<> offered = events_.offer(channel_, domain); !offered.ok()) {
        end(reference.value());
        return offered;
    }
    ring_reference_ = reference.value();
    memory_ = &memory;
    domain_ = domain;
    handle_ = handle;
    return {};
}

void BlockQueue::close() noexcept {
    RESUME_ASSERT(under_way_ == 0);
    if (memory_ == nullptr) {
        return;
    }
    for (uint32_t& reference : persistent_reference_) {
        if (reference != 0) {
            end(reference);
        }
    }
    for (uint32_t& reference : indirect_reference_) {
        if (reference != 0) {
            end(reference);
        }
    }
    end(ring_reference_);
    events_.close(channel_);
    forget();
}

void BlockQueue::forget() noexcept {
    for (Slot& slot : slots_) {
        slot.busy = false;
    }
    for (uint32_t& reference : persistent_reference_) {
        reference = 0;
    }
    for (uint32_t& reference : indirect_reference_) {
        reference = 0;
    }
    under_way_ = indirect_used_ = persistent_used_ = ring_reference_ = 0;
    events_.detach(channel_);
    memory_ = nullptr;
}

void BlockQueue::end(uint32_t reference) noexcept {
    // Nothing can be done about a backend that keeps a page mapped, but to tell of it.
    leaked_ += grants_.end(reference).ok() ? 0 : 1;
}

/// A page of the pool that stays granted for as long as the backend does.
bool BlockQueue::lend_page(Slot& slot, uint32_t index) noexcept {
    for (uint32_t page = 0; page < kPersistentPages; ++page) {
        if ((persistent_used_ & 1U << page) != 0) {
            continue;
        }
        if (persistent_reference_[page] == 0) {
            const Gfn frame = frame_of(machine_, memory_->persistent[page].bytes);
            const Result<uint32_t> made = grants_.grant(domain_, frame, false);
            if (!made.ok()) {
                return false;
            }
            persistent_reference_[page] = made.value();
        }
        persistent_used_ |= 1U << page;
        slot.page[index] = static_cast<uint8_t>(page);
        slot.reference[index] = persistent_reference_[page];
        return true;
    }
    return false;
}

/// A page for the list of segments. It stays granted, and may be written to: a backend that has
/// persistent grants keeps this page as well, and maps whatever it keeps for both.
bool BlockQueue::lend_indirect(Slot& slot) noexcept {
    uint32_t page = 0;
    while (page < kIndirectPages && (indirect_used_ & 1U << page) != 0) {
        ++page;
    }
    if (page == kIndirectPages) {
        return false;
    }
    if (indirect_reference_[page] == 0) {
        const Result<uint32_t> made =
            grants_.grant(domain_, frame_of(machine_, memory_->indirect[page].bytes), false);
        if (!made.ok()) {
            return false;
        }
        indirect_reference_[page] = made.value();
    }
    indirect_used_ |= 1U << page;
    slot.indirect = static_cast<int8_t>(page);
    return true;
}

bool BlockQueue::grant_segment(Slot& slot, uint32_t index,
                               blkif_request_segment& segment) noexcept {
    const BlockPiece piece = piece_of(slot.part, index);
    const uint32_t first = slot.persistent ? 0 : sector_in_page(piece.data);
    segment.first_sect = static_cast<uint8_t>(first);
    segment.last_sect = static_cast<uint8_t>(first + piece.sectors - 1);
    if (slot.persistent) {
        if (!lend_page(slot, index)) {
            return false;
        }
    } else {
        // A disk that is written to needs to read our page only.
        const bool readonly = slot.part.operation == BLKIF_OP_WRITE;
        const Result<uint32_t> made =
            grants_.grant(domain_, frame_of(machine_, piece.data), readonly);
        if (!made.ok()) {
            return false;
        }
        slot.reference[index] = made.value();
    }
    segment.gref = slot.reference[index];
    ++slot.segments;
    return true;
}

void BlockQueue::copy(Slot& slot, bool to_pages) noexcept {
    for (uint32_t i = 0; i < slot.segments; ++i) {
        const BlockPiece piece = piece_of(slot.part, i);
        char* page = memory_->persistent[slot.page[i]].bytes;
        const size_t size = static_cast<size_t>(piece.sectors) * kSectorSize;
        __builtin_memcpy(to_pages ? page : piece.data, to_pages ? piece.data : page, size);
    }
}

void BlockQueue::release(Slot& slot) noexcept {
    for (uint32_t i = 0; i < slot.segments; ++i) {
        if (slot.persistent) {
            persistent_used_ &= ~(1U << slot.page[i]);
        } else {
            end(slot.reference[i]);
        }
    }
    if (slot.indirect >= 0) {
        indirect_used_ &= ~(1U << slot.indirect);
    }
    slot.segments = 0;
    slot.indirect = -1;
}

void BlockQueue::fill(Slot& slot, uint32_t id, const blkif_request_segment* segments) noexcept {
    const auto count = static_cast<uint8_t>(slot.segments);
    if (slot.indirect >= 0) {
        auto* request =
            reinterpret_cast<blkif_request_indirect*>(RING_GET_REQUEST(&ring_, ring_.req_prod_pvt));
        request->operation = BLKIF_OP_INDIRECT;
        request->indirect_op = slot.part.operation;
        request->nr_segments = count;
        request->id = id;
        request->sector_number = slot.part.sector;
        request->handle = handle_;
        request->indirect_grefs[0] = indirect_reference_[slot.indirect];
        return;
    }
    blkif_request* request = RING_GET_REQUEST(&ring_, ring_.req_prod_pvt);
    request->operation = slot.part.operation;
    request->nr_segments = count;
    request->handle = handle_;
    request->id = id;
    request->sector_number = slot.part.sector;
    __builtin_memcpy(request->seg, segments, count * sizeof *segments);
}

/// Segments, their grants, and the page that lists them where there are more than the ring takes.
bool BlockQueue::put(const BlockPart& part, uint32_t limit, bool persistent) noexcept {
    RESUME_ASSERT(memory_ != nullptr && limit <= kBlockSegments);
    uint32_t id = 0;
    while (id < kBlockSlots && slots_[id].busy) {
        ++id;
    }
    if (id == kBlockSlots || RING_FULL(&ring_)) {
        return false;
    }
    Slot& slot = slots_[id];
    slot.part = part;
    slot.persistent = persistent;
    slot.segments = 0;
    slot.indirect = -1;
    blkif_request_segment segments[kBlockSegments] = {};
    const uint32_t count = moves_data(part) ? segments_of(part.data, part.sectors) : 0;
    RESUME_ASSERT(count <= limit);
    for (uint32_t i = 0; i < count; ++i) {
        if (!grant_segment(slot, i, segments[i])) {
            release(slot);
            return false;
        }
    }
    if (count > BLKIF_MAX_SEGMENTS_PER_REQUEST) {
        if (!lend_indirect(slot)) {
            release(slot);
            return false;
        }
        __builtin_memcpy(memory_->indirect[slot.indirect].bytes, segments,
                         count * sizeof *segments);
    }
    if (persistent && part.operation == BLKIF_OP_WRITE) {
        copy(slot, true);
    }
    fill(slot, id, segments);
    ++ring_.req_prod_pvt;
    slot.busy = true;
    ++under_way_;
    return true;
}

}  // namespace v0
}  // namespace resume
