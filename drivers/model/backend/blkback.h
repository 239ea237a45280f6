// A disk in dom0: its sectors, and the far end of its rings. Answers come in another order than
// requests; a domain that goes away leaves requests that were carried out and never answered.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "drivers/model/backend/backend.h"
#include "drivers/model/backend/rings.h"

namespace resume::model {

struct BlkbackConfig : BackendConfig {
    uint32_t sectors = 4096;  ///< of 512 bytes
    uint32_t queues = 1;
    uint32_t indirect_segments = 0;  ///< 0: no indirect requests
    bool persistent = false;
    bool flush = true;
    Nanoseconds service = 300 * kMicrosecond;  ///< of one request
};

class Blkback final : public Backend {
  public:
    Blkback(Machine& machine, const BlkbackConfig& config);

    /// What the next plug() offers.
    BlkbackConfig disk;
    std::vector<std::byte> sectors;
    [[nodiscard]] uint64_t served() const { return served_; }
    [[nodiscard]] uint64_t flushes() const { return flushes_; }
    /// Requests whose answer was never given: the domain went away.
    [[nodiscard]] uint64_t unanswered() const { return unanswered_; }
    [[nodiscard]] std::size_t under_way() const { return pending_.size(); }

  private:
    struct Segment {
        uint32_t reference;
        uint8_t first, last;
    };
    struct Request {
        uint32_t queue;
        uint64_t id;
        uint8_t operation;
        uint64_t sector;
        std::vector<Segment> segments;
    };
    struct Queue {
        uint32_t reference = 0;
        Port port = 0;
        blkif_back_ring ring{};
    };

    void publish_features() override;
    bool connect() override;
    void disconnect(bool crash) override;
    [[nodiscard]] xenbus_state published_state() const override { return XenbusStateInitialised; }
    [[nodiscard]] uint32_t sort() const override { return 0; }

    bool connect_queue(const std::string& directory);
    void notified(uint32_t queue);
    void take(uint32_t queue);
    bool decode(uint32_t queue, const blkif_request& raw, Request& request);
    bool decode_indirect(const blkif_request& raw, Request& request);
    void serve(uint64_t number);
    bool carry_out(const Request& request);
    bool move(const Request& request, const Segment& segment, uint64_t& sector);
    std::byte* page_of(uint32_t reference, bool readonly);
    void answer(uint32_t queue, uint64_t id, uint8_t operation, int16_t status);

    BlkbackConfig offered_;
    bool persistent_ = false;
    std::vector<Queue> queues_;
    std::map<uint64_t, Request> pending_;
    std::map<uint32_t, std::byte*> kept_;  ///< persistent mappings
    uint64_t next_ = 1;
    uint64_t served_ = 0;
    uint64_t flushes_ = 0;
    uint64_t unanswered_ = 0;
};

}  // namespace resume::model
