// A network interface in dom0: the far end of its rings, and the wire behind it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "drivers/model/backend/backend.h"
#include "drivers/model/backend/rings.h"

namespace resume::model {

struct NetbackConfig : BackendConfig {
    NetbackConfig() {
        kind = "vif";
        handle = 0;
    }
    std::string mac = "00:16:3e:00:00:01";
    uint32_t queues = 1;
    Nanoseconds service = 100 * kMicrosecond;  ///< of one frame
};

class Netback final : public Backend {
  public:
    Netback(Machine& machine, const NetbackConfig& config);

    using Frame = std::vector<char>;
    /// What the next plug() offers.
    NetbackConfig net;
    /// Who else is on the wire: called with each frame of the guest's but announcements.
    std::function<void(const Frame&)> wire;
    /// Gives the guest a frame; false when no buffer waits for one, and it is dropped.
    bool deliver(const Frame& frame);

    [[nodiscard]] uint64_t frames() const { return frames_; }
    /// Frames that told where the guest is.
    [[nodiscard]] uint64_t announcements() const { return announcements_; }

  private:
    struct Queue {
        uint32_t send_reference = 0;
        uint32_t receive_reference = 0;
        Port port = 0;
        netif_tx_back_ring send{};
        netif_rx_back_ring receive{};
    };

    void publish_features() override;
    bool connect() override;
    void disconnect(bool crash) override;
    [[nodiscard]] xenbus_state published_state() const override { return XenbusStateConnected; }
    [[nodiscard]] uint32_t sort() const override { return 1; }

    bool connect_queue(const std::string& directory);
    void notified(uint32_t queue);
    void take(uint32_t queue);
    bool carry(const netif_tx_request& request);
    bool put(Queue& queue, const Frame& frame);

    NetbackConfig offered_;
    std::vector<Queue> queues_;
    uint32_t next_queue_ = 0;
    uint64_t frames_ = 0;
    uint64_t announcements_ = 0;
};

}  // namespace resume::model
