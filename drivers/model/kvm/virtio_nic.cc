#include "drivers/model/kvm/virtio_nic.h"

#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>

#include <cstring>

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

constexpr uint32_t kReceive = 0, kSend = 1;  // the control queue: any other
constexpr std::size_t kHead = sizeof(virtio_net_hdr_v1);
constexpr std::size_t kLeast = 14, kLargest = 1514, kType = 12;
constexpr int32_t kMalformed = 3;  // io_refused

/// RARP (RFC 903): what a guest says that has come to another place.
bool announces(const VirtioNic::Frame& frame) {
    return frame[kType] == '\x80' && frame[kType + 1] == '\x35';
}

}  // namespace

VirtioNic::VirtioNic(Machine& machine, const VirtioNicConfig& config)
    : VirtioPort{machine, config, VIRTIO_ID_NET}, nic_{config} {}

uint64_t VirtioNic::features() const {
    return uint64_t{1} << VIRTIO_NET_F_MAC | uint64_t{1} << VIRTIO_NET_F_STATUS |
           uint64_t{1} << VIRTIO_NET_F_CTRL_VQ |
           (nic_.announces ? uint64_t{1} << VIRTIO_NET_F_GUEST_ANNOUNCE : 0);
}

uint32_t VirtioNic::config_byte(uint32_t offset) const {
    virtio_net_config config{};
    std::memcpy(config.mac, nic_.mac.data(), nic_.mac.size());
    config.status = static_cast<uint16_t>((link_ ? VIRTIO_NET_S_LINK_UP : 0) |
                                          (wants_ ? VIRTIO_NET_S_ANNOUNCE : 0));
    uint8_t byte = 0;
    if (offset < sizeof config) {
        std::memcpy(&byte, reinterpret_cast<const char*>(&config) + offset, 1);
    }
    return byte;
}

bool VirtioNic::keeps(uint32_t queue) const {
    return queue == kReceive;
}

void VirtioNic::take(uint32_t queue, const Chain& chain) {
    if (queue == kSend) {
        carry(chain);
        answer(queue, chain.head, 0);
    } else {
        const uint8_t said = obey(chain);
        if (!chain.writes.empty()) {
            *chain.writes.back().data = static_cast<std::byte>(said);
        }
        answer(queue, chain.head, 1);
    }
}

void VirtioNic::carry(const Chain& chain) {
    Frame frame;
    for (const Piece& piece : chain.reads) {
        const char* const from = reinterpret_cast<const char*>(piece.data);
        frame.insert(frame.end(), from, from + piece.size);
    }
    if (frame.size() < kHead + kLeast || frame.size() > kHead + kLargest) {
        refuse(kMalformed);
        return;
    }
    frame.erase(frame.begin(), frame.begin() + kHead);
    if (announces(frame)) {
        ++announcements_;
        machine_.sight(EventKind::link_announced, config_.handle);
        return;
    }
    ++frames_;
    if (wire) {
        wire(frame);
    }
}

uint8_t VirtioNic::obey(const Chain& chain) {
    virtio_net_ctrl_hdr head{};
    if (chain.reads.empty() || chain.reads.front().size != sizeof head || chain.writes.empty()) {
        refuse(kMalformed);
        return VIRTIO_NET_ERR;
    }
    std::memcpy(&head, chain.reads.front().data, sizeof head);
    if (head.sort != VIRTIO_NET_CTRL_ANNOUNCE || head.cmd != VIRTIO_NET_CTRL_ANNOUNCE_ACK) {
        refuse(kMalformed);
        return VIRTIO_NET_ERR;
    }
    wants_ = false;
    ++acks_;
    machine_.sight(EventKind::announce_acked, config_.handle);
    return VIRTIO_NET_OK;
}

void VirtioNic::configuration_is_another() {
    configuration_changes();
    if (alive()) {
        interrupt(VIRTIO_MMIO_INT_CONFIG);
    }
}

void VirtioNic::arrived() {
    if (!alive() || (agreed() >> VIRTIO_NET_F_GUEST_ANNOUNCE & 1) == 0) {
        return;
    }
    wants_ = true;
    machine_.sight(EventKind::announce_asked, config_.handle);
    configuration_is_another();
}

void VirtioNic::set_link(bool up) {
    link_ = up;
    configuration_is_another();
}

bool VirtioNic::deliver(const Frame& frame) {
    Chain chain;
    if (!link_ || !next(kReceive, chain)) {
        return false;
    }
    virtio_net_hdr_v1 head{};
    head.num_buffers = 1;
    if (chain.writes.empty() || chain.writes.front().size < kHead + frame.size()) {
        refuse(kMalformed);
        answer(kReceive, chain.head, 0);
        return false;
    }
    std::memcpy(chain.writes.front().data, &head, kHead);
    std::memcpy(chain.writes.front().data + kHead, frame.data(), frame.size());
    answer(kReceive, chain.head, static_cast<uint32_t>(kHead + frame.size()));
    return true;
}

}  // namespace resume::model
