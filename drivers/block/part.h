// A piece of a block request that goes to a ring as one, and how its data lies in pages. Whatever
// the ring is: a segment of it never crosses a page.
#pragma once

#include <stddef.h>

#include "drivers/block/request.h"
#include "drivers/support/limits.h"

namespace resume {
inline namespace v0 {

inline constexpr uint32_t kSectorSize = 512;
/// Most segments that we put into one request on a ring, whatever the other side offers.
inline constexpr uint32_t kBlockSegments = 16;

struct BlockPart {
    BlockRequest* request = nullptr;
    uint8_t operation = 0;  ///< as the ring's ABI has it: BLKIF_OP_*, VIRTIO_BLK_T_*
    uint64_t sector = 0;
    uint32_t sectors = 0;
    char* data = nullptr;  ///< null for a part that moves none
};

/// Which sector of its page that is; data is aligned to a sector.
uint32_t sector_in_page(const char* data) noexcept;
/// Segments that `sectors` at `data` need.
uint32_t segments_of(const char* data, uint32_t sectors) noexcept;
/// Sectors of which at most `limit` segments are made.
uint32_t sectors_within(const char* data, uint32_t sectors, uint32_t limit) noexcept;

/// Where segment `index` of the part's data begins, and how many sectors it has.
struct BlockPiece {
    char* data;
    uint32_t sectors;
};
BlockPiece piece_of(const BlockPart& part, uint32_t index) noexcept;

}  // namespace v0
}  // namespace resume
