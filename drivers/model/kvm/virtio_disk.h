// A disk of the monitor's: virtio-blk (virtio 1.2, 5.2). Answers come in another order than
// requests; a reset leaves requests that were carried out and never answered.
#pragma once

#include <map>

#include <linux/virtio_blk.h>

#include "drivers/model/kvm/virtio_port.h"

namespace resume::model {

struct VirtioDiskConfig : VirtioConfig {
    uint32_t sectors = 4096;  ///< of 512 bytes
    uint32_t segments = 14;   ///< seg_max
    bool flush = true;
    Nanoseconds service = 300 * kMicrosecond;  ///< of one request
};

class VirtioDisk final : public VirtioPort {
  public:
    VirtioDisk(Machine& machine, const VirtioDiskConfig& config);

    std::vector<std::byte> sectors;
    /// What it offers from its next reset on.
    VirtioDiskConfig disk;
    [[nodiscard]] uint64_t served() const { return served_; }
    /// Requests whose answer was never given: the device was reset.
    [[nodiscard]] uint64_t unanswered() const { return unanswered_; }

  private:
    [[nodiscard]] uint64_t features() const override;
    [[nodiscard]] uint32_t queue_count() const override { return 1; }
    [[nodiscard]] uint32_t config_byte(uint32_t offset) const override;
    void take(uint32_t queue, const Chain& chain) override;
    void forget() override;
    [[nodiscard]] uint32_t sort_of_backend() const override { return 0; }

    void serve(uint64_t number);
    /// The status, and how many bytes of data were written into the guest's memory.
    uint8_t carry_out(const Chain& chain, uint32_t& written);
    bool move(const virtio_blk_outhdr& head, const Chain& chain, bool reads, uint32_t& written);

    VirtioDiskConfig offered_;
    std::map<uint64_t, Chain> pending_;
    uint64_t next_ = 1;
    uint64_t served_ = 0;
    uint64_t unanswered_ = 0;
};

}  // namespace resume::model
