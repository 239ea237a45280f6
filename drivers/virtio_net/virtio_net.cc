#include "drivers/virtio_net/virtio_net.h"

#include <stddef.h>

#include <linux/virtio_ids.h>

#include "drivers/net/announcement.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kReceiveQueue = 0, kSendQueue = 1, kControlQueue = 2;  // 5.1.2, without MQ
constexpr uint32_t kHead = sizeof(virtio_net_hdr_v1);
constexpr uint32_t kNetRing = 3;  // EventKind::ring_reset, arg32
constexpr uint8_t kUnanswered = 0xff;

}  // namespace

constexpr DriverOps VirtioNet::kOps = {
    .driver = "virtio_net",
    .suspend = thread_down<&VirtioNet::suspend>,
    .suspend_late = thread_down<&VirtioNet::suspend_late>,
    .resume_early = thread_up<&VirtioNet::resume_early>,
    .resume = thread_up<&VirtioNet::resume>,
};

VirtioNet::VirtioNet(Machine& machine, IrqLines& lines, const VirtioNetConfig& config,
                     Bugs bugs) noexcept
    : VirtioDevice{kOps, config.name, machine, lines, {.base = config.base, .sort = VIRTIO_ID_NET},
                   bugs},
      memory_{*config.memory},
      user_{config.user},
      receive_{machine},
      send_{machine},
      control_{machine} {}

void VirtioNet::stop() noexcept {
    RESUME_ASSERT(!quiet_);
    detach();
    reset();
    stage_ = Stage::off;
    leave_rings();
}

Result<> VirtioNet::send(const char* frame, uint32_t size) noexcept {
    if (size < kFrameMin || size > kFrameMax) {
        return Errc::invalid;
    }
    if (stage_ == Stage::failed || stage_ == Stage::off) {
        return Errc::gone;
    }
    if (!attached_ || !link_up_) {
        return Errc::busy;
    }
    return put(frame, size) ? Result<>{} : Errc::no_space;
}

void VirtioNet::pump() noexcept {
    if (quiet_) {
        return;
    }
    advance();
    if (attached_) {
        poll();
        announce();
    }
}

uint64_t VirtioNet::malformed() const noexcept {
    return malformed_ + receive_.malformed() + send_.malformed() + control_.malformed();
}

uint64_t VirtioNet::known() const noexcept {
    return uint64_t{1} << VIRTIO_NET_F_MAC | uint64_t{1} << VIRTIO_NET_F_STATUS |
           uint64_t{1} << VIRTIO_NET_F_CTRL_VQ | uint64_t{1} << VIRTIO_NET_F_GUEST_ANNOUNCE;
}

/// An interface without an address of its own is none of ours: a guest that makes one up has
/// another after each image.
Result<> VirtioNet::set_up() noexcept {
    if (!has_feature(features(), VIRTIO_NET_F_MAC)) {
        return Errc::unsupported;
    }
    for (uint32_t i = 0; i < kMacSize; ++i) {
        mac_[i] = static_cast<uint8_t>(registers_.config(i, 1));
    }
    emit(machine_, id(), EventKind::ring_reset, kNetRing);
    RESUME_TRY(receive_.open(registers_, kReceiveQueue, memory_.receive_queue));
    RESUME_TRY(send_.open(registers_, kSendQueue, memory_.send_queue));
    return has_feature(features(), VIRTIO_NET_F_CTRL_VQ)
               ? control_.open(registers_, kControlQueue, memory_.control_queue)
               : Result<>{};
}

void VirtioNet::begin_use() noexcept {
    for (uint16_t i = 0; i < kVirtioNetReceive; ++i) {
        post(i);
    }
    receive_.flush(registers_);
    moved_ = true;
    ++counters_.connections;
    configuration_changed();
    announce();
}

/// What is still under way is nobody's any more.
void VirtioNet::leave_rings() noexcept {
    counters_.lost += send_.under_way();
    receive_.forget();
    send_.forget();
    control_.forget();
    sending_ = 0;
    asked_ = acking_ = false;
}

void VirtioNet::go_on() noexcept {
    attach();
    poll();
    announce();
}

void VirtioNet::end_use() noexcept {
    detach();
    leave_rings();
}

/// Without the feature a link is always up, and the device asks for nothing (5.1.4).
void VirtioNet::configuration_changed() noexcept {
    if (stage_ != Stage::up) {
        return;
    }
    if (!has_feature(features(), VIRTIO_NET_F_STATUS)) {
        link_up_ = true;
        return;
    }
    const uint32_t status = registers_.config(offsetof(virtio_net_config, status), 2);
    link_up_ = (status & VIRTIO_NET_S_LINK_UP) != 0;
    asked_ = has_feature(features(), VIRTIO_NET_F_GUEST_ANNOUNCE) && control_.is_open() &&
             (status & VIRTIO_NET_S_ANNOUNCE) != 0;
}

void VirtioNet::poll() noexcept {
    take_sent();
    take_frames();
    take_answer();
    receive_.flush(registers_);
}

void VirtioNet::take_sent() noexcept {
    VirtQueue::Used used;
    while (send_.take(used)) {
        emit(machine_, id(), EventKind::ring_used, kSendQueue);
        sending_ &= ~(1U << used.token);
        ++counters_.sent;
    }
}

void VirtioNet::take_frames() noexcept {
    VirtQueue::Used used;
    while (receive_.take(used)) {
        emit(machine_, id(), EventKind::ring_used, kReceiveQueue);
        const VirtioNetMemory::Buffer& buffer = memory_.receive[used.token];
        if (used.written < kHead + kFrameMin) {
            ++malformed_;
        } else {
            ++counters_.received;
            if (user_.received != nullptr) {
                user_.received(user_.self, buffer.frame, used.written - kHead);
            }
        }
        post(used.token);
    }
}

/// A device that refuses the ack is not asked again.
void VirtioNet::take_answer() noexcept {
    VirtQueue::Used used;
    while (control_.take(used)) {
        emit(machine_, id(), EventKind::ring_used, kControlQueue);
        malformed_ += memory_.control.answer != VIRTIO_NET_OK ? 1 : 0;
        acking_ = false;
    }
}

void VirtioNet::post(uint16_t buffer) noexcept {
    const VirtPiece piece{
        .data = &memory_.receive[buffer], .size = kHead + kFrameMax, .device_writes = true};
    RESUME_ASSERT(receive_.put(&piece, 1, buffer));
}

bool VirtioNet::put(const char* frame, uint32_t size) noexcept {
    uint16_t slot = 0;
    while (slot < kVirtioNetSend && (sending_ >> slot & 1) != 0) {
        ++slot;
    }
    if (slot == kVirtioNetSend) {
        return false;
    }
    VirtioNetMemory::Buffer& buffer = memory_.send[slot];
    buffer.head = {};
    __builtin_memcpy(buffer.frame, frame, size);
    const VirtPiece piece{.data = &buffer, .size = kHead + size, .device_writes = false};
    if (!send_.put(&piece, 1, slot)) {
        return false;
    }
    sending_ |= 1U << slot;
    emit(machine_, id(), EventKind::ring_used, kSendQueue);
    send_.flush(registers_);
    return true;
}

/// Both reasons at once need one frame. Where the ring is full it is tried again.
void VirtioNet::announce() noexcept {
    if (!(moved_ || (asked_ && !acking_)) || !link_up_ || bugs_.has(Bug::not_announced)) {
        return;
    }
    const Announcement frame{mac_};
    if (!put(frame.data(), frame.size())) {
        return;
    }
    ++counters_.announced;
    moved_ = false;
    if (asked_ && !bugs_.has(Bug::announce_not_acked)) {
        acking_ = ack();
    }
    asked_ = false;
}

/// The device clears its wish when it has this (5.1.6.5.4).
bool VirtioNet::ack() noexcept {
    memory_.control.head = {.sort = VIRTIO_NET_CTRL_ANNOUNCE, .cmd = VIRTIO_NET_CTRL_ANNOUNCE_ACK};
    memory_.control.answer = kUnanswered;
    const VirtPiece pieces[] = {
        {.data = &memory_.control.head, .size = sizeof memory_.control.head},
        {.data = &memory_.control.answer, .size = 1, .device_writes = true},
    };
    if (!control_.put(pieces, 2, 0)) {
        return false;
    }
    emit(machine_, id(), EventKind::ring_used, kControlQueue);
    control_.flush(registers_);
    return true;
}

}  // namespace v0
}  // namespace resume
