#include "drivers/virtio_blk/virtio_blk.h"

#include <stddef.h>

#include <linux/virtio_ids.h>

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kQueue = 0;
constexpr uint32_t kBlockRing = 2;  // EventKind::ring_reset, arg32
constexpr uint32_t kTries = 100;
/// What no device writes: a status that was not answered is no success.
constexpr uint8_t kUnanswered = 0xff;

}  // namespace

constexpr DriverOps VirtioBlk::kOps = {
    .driver = "virtio_blk",
    .suspend = thread_down<&VirtioBlk::suspend>,
    .suspend_late = thread_down<&VirtioBlk::suspend_late>,
    .resume_early = thread_up<&VirtioBlk::resume_early>,
    .resume = thread_up<&VirtioBlk::resume>,
};

VirtioBlk::VirtioBlk(Machine& machine, IrqLines& lines, const VirtioBlkConfig& config,
                     Bugs bugs) noexcept
    : VirtioDevice{kOps,
                   config.name,
                   machine,
                   lines,
                   {.base = config.base, .sort = VIRTIO_ID_BLOCK},
                   bugs},
      memory_{*config.memory},
      queue_{machine},
      ledger_{machine, *this} {}

VirtioBlk::~VirtioBlk() {
    RESUME_ASSERT(idle());
}

void VirtioBlk::stop() noexcept {
    RESUME_ASSERT(!quiet_);
    detach();
    reset();
    stage_ = Stage::off;
    leave_rings();
    ledger_.fail_all(Errc::gone);
}

Result<> VirtioBlk::submit(BlockRequest& request) noexcept {
    RESUME_TRY(BlockLedger::check(request));
    if (stage_ == Stage::failed || stage_ == Stage::off) {
        return Errc::gone;
    }
    ledger_.accept(request);
    push();
    return {};
}

void VirtioBlk::pump() noexcept {
    if (quiet_) {
        return;
    }
    advance();
    if (attached_) {
        take_answers();
        push();
    }
}

uint64_t VirtioBlk::known() const noexcept {
    return uint64_t{1} << VIRTIO_BLK_F_SEG_MAX | uint64_t{1} << VIRTIO_BLK_F_FLUSH;
}

uint64_t VirtioBlk::read_capacity() const noexcept {
    constexpr uint32_t kAt = offsetof(virtio_blk_config, capacity);
    uint64_t capacity = 0;
    // A device that never settles is not waited for: its two halves are believed.
    for (uint32_t tries = 0; tries < kTries; ++tries) {
        const uint32_t generation = registers_.config_generation();
        capacity = registers_.config(kAt, 4) | uint64_t{registers_.config(kAt + 4, 4)} << 32;
        if (registers_.config_generation() == generation) {
            break;
        }
    }
    return capacity;
}

/// Every limit is what this device offers, larger or smaller than the last one's (L16).
Result<> VirtioBlk::set_up() noexcept {
    info_.sectors = read_capacity();
    info_.flush = has_feature(features(), VIRTIO_BLK_F_FLUSH);
    const bool told = has_feature(features(), VIRTIO_BLK_F_SEG_MAX);
    const uint32_t most =
        told ? registers_.config(offsetof(virtio_blk_config, seg_max), 4) : uint32_t{1};
    const bool keeps = bugs_.has(Bug::limits_kept) && info_.segments != 0;
    if (!keeps) {
        info_.segments = most == 0 ? 1 : most < kBlockSegments ? most : kBlockSegments;
    }
    emit(machine_, id(), EventKind::ring_reset, kBlockRing);
    return queue_.open(registers_, kQueue, memory_.queue);
}

void VirtioBlk::begin_use() noexcept {
    push();
}

void VirtioBlk::leave_rings() noexcept {
    queue_.forget();
    for (BlockPart& part : parts_) {
        part.request = nullptr;
    }
    ledger_.rewind();
}

void VirtioBlk::go_on() noexcept {
    attach();
    take_answers();
    push();
}

void VirtioBlk::end_use() noexcept {
    detach();
    leave_rings();
    ledger_.fail_all(Errc::gone);
}

/// The disk was made larger or smaller.
void VirtioBlk::configuration_changed() noexcept {
    if (stage_ == Stage::up) {
        info_.sectors = read_capacity();
    }
}

void VirtioBlk::take_answers() noexcept {
    VirtQueue::Used used;
    while (queue_.take(used)) {
        emit(machine_, id(), EventKind::ring_used, kQueue);
        const BlockPart part = parts_[used.token];
        parts_[used.token].request = nullptr;
        const uint8_t status = __atomic_load_n(&memory_.slots[used.token].status, __ATOMIC_RELAXED);
        ledger_.finish_part(part, status == VIRTIO_BLK_S_OK);
    }
}

/// In the order of acceptance; what does not fit waits for answers.
void VirtioBlk::push() noexcept {
    if (!attached_) {
        return;
    }
    while (!ledger_.none_waits() && push_one(ledger_.front())) {
    }
    queue_.flush(registers_);
}

/// One part of it; true when it went to the ring or needs none.
bool VirtioBlk::push_one(BlockRequest& request) noexcept {
    BlockPart part{.request = &request};
    if (request.operation == BlockRequest::Operation::flush) {
        if (!info_.flush) {
            // Nothing there holds back what it has said to be written (5.2.6.2).
            ledger_.finish_front(Errc::none);
            return true;
        }
        part.operation = VIRTIO_BLK_T_FLUSH;
    } else {
        const bool reads = request.operation == BlockRequest::Operation::read;
        part.operation = reads ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT;
        part.sector = request.sector + request.issued;
        part.data = request.data + static_cast<size_t>(request.issued) * kSectorSize;
        part.sectors = sectors_within(part.data, request.sectors - request.issued, info_.segments);
    }
    if (!put(part)) {
        return false;
    }
    emit(machine_, id(), EventKind::ring_used, kQueue, request.serial);
    ledger_.issued_part(part.sectors);
    return true;
}

/// A head, the data, a status (5.2.6).
bool VirtioBlk::put(const BlockPart& part) noexcept {
    uint16_t slot = 0;
    while (slot < kVirtioBlkSlots && parts_[slot].request != nullptr) {
        ++slot;
    }
    if (slot == kVirtioBlkSlots) {
        return false;
    }
    VirtioBlkMemory::Slot& shared = memory_.slots[slot];
    shared.head = {.type = part.operation, .ioprio = 0, .sector = part.sector};
    shared.status = kUnanswered;
    const bool reads = part.operation == VIRTIO_BLK_T_IN;
    VirtPiece pieces[kBlockSegments + 2];
    uint32_t count = 0;
    pieces[count++] = {.data = &shared.head, .size = sizeof shared.head, .device_writes = false};
    const uint32_t segments = part.data != nullptr ? segments_of(part.data, part.sectors) : 0;
    for (uint32_t i = 0; i < segments; ++i) {
        const BlockPiece piece = piece_of(part, i);
        pieces[count++] = {
            .data = piece.data, .size = piece.sectors * kSectorSize, .device_writes = reads};
    }
    pieces[count++] = {.data = &shared.status, .size = 1, .device_writes = true};
    if (!queue_.put(pieces, count, slot)) {
        return false;
    }
    parts_[slot] = part;
    return true;
}

}  // namespace v0
}  // namespace resume
