// A network interface of the monitor's: virtio-net (virtio 1.2, 5.1), and the wire behind it. After
// a migration it asks the guest to announce itself (QEMU: net/announce.c), until it is acked.
#pragma once

#include <functional>
#include <string>

#include "drivers/model/kvm/virtio_port.h"
#include "libresume/platform/virtio_net.h"

namespace resume::model {

struct VirtioNicConfig : VirtioConfig {
    std::array<uint8_t, 6> mac{0x52, 0x54, 0, 0x12, 0x34, 0x56};
    bool announces = true;  ///< offers VIRTIO_NET_F_GUEST_ANNOUNCE
};

class VirtioNic final : public VirtioPort {
  public:
    VirtioNic(Machine& machine, const VirtioNicConfig& config);

    using Frame = std::vector<char>;
    /// Who else is on the wire: called with each frame of the guest's but announcements.
    std::function<void(const Frame&)> wire;
    /// Gives the guest a frame; false when no buffer waits for one, and it is dropped.
    bool deliver(const Frame& frame);
    void arrived() override;
    void set_link(bool up);

    [[nodiscard]] uint64_t frames() const { return frames_; }
    /// Frames that told where the guest is, and acks of the wish for one.
    [[nodiscard]] uint64_t announcements() const { return announcements_; }
    [[nodiscard]] uint64_t acks() const { return acks_; }
    [[nodiscard]] bool wants_announcement() const { return wants_; }

  private:
    [[nodiscard]] uint64_t features() const override;
    [[nodiscard]] uint32_t queue_count() const override { return 3; }
    [[nodiscard]] uint32_t config_byte(uint32_t offset) const override;
    [[nodiscard]] bool keeps(uint32_t queue) const override;
    void take(uint32_t queue, const Chain& chain) override;
    void forget() override { wants_ = false; }
    [[nodiscard]] uint32_t sort_of_backend() const override { return 1; }
    void carry(const Chain& chain);
    uint8_t obey(const Chain& chain);
    void configuration_is_another();

    VirtioNicConfig nic_;
    bool link_ = true;
    bool wants_ = false;
    uint64_t frames_ = 0;
    uint64_t announcements_ = 0;
    uint64_t acks_ = 0;
};

}  // namespace resume::model
