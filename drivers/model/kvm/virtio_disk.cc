#include "drivers/model/kvm/virtio_disk.h"

#include <linux/virtio_ids.h>

#include <cstring>

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

constexpr uint32_t kSector = 512;
constexpr int32_t kBeyondOffer = 1, kMalformed = 3;  // io_refused

}  // namespace

VirtioDisk::VirtioDisk(Machine& machine, const VirtioDiskConfig& config)
    : VirtioPort{machine, config, VIRTIO_ID_BLOCK},
      sectors(std::size_t{config.sectors} * kSector),
      disk{config},
      offered_{config} {}

uint64_t VirtioDisk::features() const {
    return uint64_t{1} << VIRTIO_BLK_F_SEG_MAX |
           (offered_.flush ? uint64_t{1} << VIRTIO_BLK_F_FLUSH : 0);
}

uint32_t VirtioDisk::config_byte(uint32_t offset) const {
    virtio_blk_config config{};
    config.capacity = sectors.size() / kSector;
    config.seg_max = offered_.segments;
    uint8_t byte = 0;
    if (offset < sizeof config) {
        std::memcpy(&byte, reinterpret_cast<const char*>(&config) + offset, 1);
    }
    return byte;
}

void VirtioDisk::take(uint32_t, const Chain& chain) {
    const uint64_t number = next_++;
    pending_[number] = chain;
    later(offered_.service, [this, number] { serve(number); });
}

/// Some of what is under way reaches the disk, some does not; nobody hears of either.
void VirtioDisk::forget() {
    for (const auto& [number, chain] : pending_) {
        ++unanswered_;
        uint32_t written = 0;
        if (machine_.jitter(1) != 0) {
            (void)carry_out(chain, written);
        }
    }
    pending_.clear();
    offered_ = disk;
}

void VirtioDisk::serve(uint64_t number) {
    const auto found = pending_.find(number);
    const Chain chain = found->second;
    pending_.erase(found);
    uint32_t written = 0;
    const uint8_t status = carry_out(chain, written);
    if (!chain.writes.empty()) {
        *chain.writes.back().data = static_cast<std::byte>(status);
        ++written;
    }
    ++served_;
    answer(0, chain.head, written);
}

uint8_t VirtioDisk::carry_out(const Chain& chain, uint32_t& written) {
    virtio_blk_outhdr head{};
    if (chain.reads.empty() || chain.reads.front().size != sizeof head || chain.writes.empty() ||
        chain.writes.back().size != 1) {
        refuse(kMalformed);
        return VIRTIO_BLK_S_UNSUPP;
    }
    std::memcpy(&head, chain.reads.front().data, sizeof head);
    if (chain.reads.size() + chain.writes.size() - 2 > offered_.segments) {
        refuse(kBeyondOffer);
        return VIRTIO_BLK_S_IOERR;
    }
    switch (head.type) {
        case VIRTIO_BLK_T_FLUSH:
            if ((agreed() >> VIRTIO_BLK_F_FLUSH & 1) == 0) {
                refuse(kBeyondOffer);
                return VIRTIO_BLK_S_UNSUPP;
            }
            return VIRTIO_BLK_S_OK;
        case VIRTIO_BLK_T_IN:
        case VIRTIO_BLK_T_OUT:
            return move(head, chain, head.type == VIRTIO_BLK_T_IN, written) ? VIRTIO_BLK_S_OK
                                                                            : VIRTIO_BLK_S_IOERR;
        default:
            refuse(kMalformed);
            return VIRTIO_BLK_S_UNSUPP;
    }
}

bool VirtioDisk::move(const virtio_blk_outhdr& head, const Chain& chain, bool reads,
                      uint32_t& written) {
    std::size_t offset = head.sector * kSector;
    const std::vector<Piece>& pieces = reads ? chain.writes : chain.reads;
    const std::size_t first = reads ? 0 : 1;  // behind the head
    const std::size_t end = reads ? pieces.size() - 1 : pieces.size();
    for (std::size_t i = first; i < end; ++i) {
        const Piece& piece = pieces[i];
        if (offset + piece.size > sectors.size()) {
            return false;
        }
        std::byte* const here = sectors.data() + offset;
        std::memcpy(reads ? piece.data : here, reads ? here : piece.data, piece.size);
        offset += piece.size;
        written += reads ? piece.size : 0;
    }
    return true;
}

}  // namespace resume::model
