// One ring of a block device and what is under way on it. The layout is <xen/io/blkif.h>'s. What
// the other side writes (producer index, ids, status) is checked at every use. Knows nothing of
// xenbus, nor of which request a part belongs to.
#pragma once

#include "drivers/block/part.h"
#include "drivers/event_channels/event_channels.h"
#include "drivers/grant_table/grant_table.h"
#include "drivers/support/ring.h"

#include <xen/io/blkif.h>

namespace resume {
inline namespace v0 {

inline constexpr uint32_t kBlockSlots = 32;       ///< of a ring of one page
inline constexpr uint32_t kIndirectPages = 4;     ///< a queue: requests of more than 11 segments
inline constexpr uint32_t kPersistentPages = 16;  ///< a queue

struct alignas(kPageSize) DevicePage {
    char bytes[kPageSize];
};

/// Memory of one queue; the embedder's, for ever.
struct BlockQueueMemory {
    DevicePage ring;
    DevicePage indirect[kIndirectPages];
    DevicePage persistent[kPersistentPages];
};

class BlockQueue {
  public:
    BlockQueue(Machine& machine, EventChannels& events, GrantTable& grants) noexcept;

    /// A fresh ring, granted to `domain`, with a channel that it may bind. no_space when no grant
    /// is left.
    Result<> open(BlockQueueMemory& memory, DomId domain, uint16_t handle, DeviceId owner) noexcept;
    /// Everything is given back, in the domain that it was made in; nothing is under way.
    void close() noexcept;
    /// In a new domain: nothing of the old one means anything. What was under way is forgotten.
    void forget() noexcept;
    /// After a resume in the same domain.
    Result<> reattach() noexcept { return events_.reattach(channel_); }

    /// Puts a part on the ring. False when there is no room (slot, page or grant): it stays with
    /// the caller. `limit`: segments that the backend takes in one request.
    bool put(const BlockPart& part, uint32_t limit, bool persistent) noexcept;
    /// Shows the backend what was put, and wakes it if it asked for that.
    void flush() noexcept;
    /// The next answer; false when there is none. malformed ones are skipped and counted.
    struct Answer {
        BlockPart part;
        bool good = false;
    };
    bool take(Answer& answer) noexcept;
    /// Gives away what is under way, for the caller to replay; false when there is none left. In
    /// the domain that it was granted in, `same_domain`, its grants end.
    bool take_back(BlockPart& part, bool same_domain) noexcept;

    [[nodiscard]] bool is_open() const noexcept { return memory_ != nullptr; }
    [[nodiscard]] uint32_t under_way() const noexcept { return under_way_; }
    [[nodiscard]] uint32_t ring_reference() const noexcept { return ring_reference_; }
    [[nodiscard]] Port port() const noexcept { return channel_.port; }
    /// Answers that could not be right, and grants that the backend did not let go of.
    [[nodiscard]] uint64_t malformed() const noexcept { return malformed_; }
    [[nodiscard]] uint64_t leaked_grants() const noexcept { return leaked_; }

  private:
    struct Slot {
        BlockPart part;
        bool busy = false;
        bool persistent = false;
        uint8_t segments = 0;
        int8_t indirect = -1;
        uint32_t reference[kBlockSegments];
        uint8_t page[kBlockSegments];  ///< of the persistent pool
    };

    bool grant_segment(Slot& slot, uint32_t index, blkif_request_segment& segment) noexcept;
    bool lend_page(Slot& slot, uint32_t index) noexcept;
    bool lend_indirect(Slot& slot) noexcept;
    void copy(Slot& slot, bool to_pages) noexcept;
    void release(Slot& slot) noexcept;
    void end(uint32_t reference) noexcept;
    void fill(Slot& slot, uint32_t id, const blkif_request_segment* segments) noexcept;

    Machine& machine_;
    EventChannels& events_;
    GrantTable& grants_;
    BlockQueueMemory* memory_ = nullptr;
    DomId domain_ = 0;
    uint16_t handle_ = 0;
    uint32_t ring_reference_ = 0;
    uint32_t under_way_ = 0;
    uint64_t malformed_ = 0;
    uint64_t leaked_ = 0;
    blkif_front_ring ring_{};
    Channel channel_{};
    uint32_t indirect_used_ = 0;                            ///< bit mask
    uint32_t indirect_reference_[kIndirectPages] = {};      ///< 0: not granted yet
    uint32_t persistent_used_ = 0;                          ///< bit mask
    uint32_t persistent_reference_[kPersistentPages] = {};  ///< 0: not granted yet
    Slot slots_[kBlockSlots];
};

}  // namespace v0
}  // namespace resume
