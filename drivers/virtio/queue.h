// A split virtqueue (virtio 1.2, 2.7; layout of <linux/virtio_ring.h>) and what is under way on it.
// Each chain carries a token of its owner's. What the device writes (used index, ids, lengths) is
// checked at every use. Knows nothing of what the chains mean.
#pragma once

#define VIRTIO_RING_NO_LEGACY
#include <linux/virtio_ring.h>

#include "drivers/support/limits.h"
#include "drivers/virtio/mmio.h"

namespace resume {
inline namespace v0 {

inline constexpr uint32_t kVirtEntries = 128;

/// Memory of one queue; the embedder's, for ever.
struct alignas(kPageSize) VirtQueueMemory {
    vring_desc descriptors[kVirtEntries];
    struct {
        uint16_t flags, index, ring[kVirtEntries], used_event;
    } available;
    struct alignas(4) {
        uint16_t flags, index;
        vring_used_elem ring[kVirtEntries];
        uint16_t available_event;
    } used;
};
static_assert(sizeof(VirtQueueMemory) == kPageSize, "its parts have one frame");

/// A piece of guest memory that does not cross a page.
struct VirtPiece {
    const void* data = nullptr;
    uint32_t size = 0;
    bool device_writes = false;
};

class VirtQueue {
  public:
    explicit VirtQueue(Machine& machine) noexcept : machine_{machine} {}
    VirtQueue(const VirtQueue&) = delete;
    VirtQueue& operator=(const VirtQueue&) = delete;

    /// Lays the queue out anew and tells the device. not_found when the device has no such queue.
    Result<> open(VirtioMmio& registers, uint32_t index, VirtQueueMemory& memory) noexcept;
    /// The device has it no longer: what was under way is forgotten.
    void forget() noexcept;

    /// Puts a chain; pieces that the device writes stand last. False when there is no room.
    bool put(const VirtPiece* pieces, uint32_t count, uint16_t token) noexcept;
    /// Shows the device what was put, and notifies it unless it does not want to be.
    void flush(VirtioMmio& registers) noexcept;
    /// The next chain that the device is through with; false when there is none. Such that cannot
    /// be right are skipped and counted.
    struct Used {
        uint16_t token = 0;
        uint32_t written = 0;  ///< bytes, at most what it might write
    };
    bool take(Used& used) noexcept;

    [[nodiscard]] bool is_open() const noexcept { return memory_ != nullptr; }
    [[nodiscard]] uint32_t under_way() const noexcept { return under_way_; }
    [[nodiscard]] uint64_t malformed() const noexcept { return malformed_; }

  private:
    struct Chain {
        uint16_t token = 0;
        uint16_t count = 0;  ///< of descriptors; 0: none begins here
        uint32_t writable = 0;
    };

    void end(uint16_t head) noexcept;

    Machine& machine_;
    VirtQueueMemory* memory_ = nullptr;
    uint32_t index_ = 0;
    uint32_t entries_ = 0;
    uint16_t free_ = 0;  ///< first of the list of free descriptors
    uint32_t free_count_ = 0;
    uint16_t next_available_ = 0;
    uint16_t next_used_ = 0;
    uint32_t under_way_ = 0;
    uint64_t malformed_ = 0;
    Chain chains_[kVirtEntries];
    /// Our own list: the device may write into its memory whatever it likes.
    uint16_t next_[kVirtEntries] = {};
};

}  // namespace v0
}  // namespace resume
