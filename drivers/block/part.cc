#include "drivers/block/part.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kSectorsPerPage = kPageSize / kSectorSize;

}  // namespace

uint32_t sector_in_page(const char* data) noexcept {
    return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(data) % kPageSize) / kSectorSize;
}

BlockPiece piece_of(const BlockPart& part, uint32_t index) noexcept {
    const uint32_t first = kSectorsPerPage - sector_in_page(part.data);
    const uint32_t skipped = index == 0 ? 0 : first + (index - 1) * kSectorsPerPage;
    const uint32_t room = index == 0 ? first : kSectorsPerPage;
    const uint32_t left = part.sectors - skipped;
    return {part.data + static_cast<size_t>(skipped) * kSectorSize, left < room ? left : room};
}

uint32_t segments_of(const char* data, uint32_t sectors) noexcept {
    return (sector_in_page(data) + sectors + kSectorsPerPage - 1) / kSectorsPerPage;
}

uint32_t sectors_within(const char* data, uint32_t sectors, uint32_t limit) noexcept {
    const uint32_t most = limit * kSectorsPerPage - sector_in_page(data);
    return sectors < most ? sectors : most;
}

}  // namespace v0
}  // namespace resume
