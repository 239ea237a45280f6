// Devices by small numbers without gaps, so that a family of rules keeps what it knows of each in
// an array. A trace from outside may use any number for a device.
#pragma once

#include <map>
#include <vector>

#include "libresume/oracle/trace_view.h"

namespace resume::oracle {

class DeviceSlots {
  public:
    explicit DeviceSlots(const TraceView& view);

    /// A device that the view does not know gets a slot of its own when it is first asked for.
    uint32_t of(DeviceId id) {
        return id < near_.size() && near_[id] != kNone ? near_[id] : find(id);
    }
    [[nodiscard]] uint32_t count() const { return static_cast<uint32_t>(ids_.size()); }
    [[nodiscard]] DeviceId id(uint32_t slot) const { return ids_[slot]; }
    [[nodiscard]] SystemRank rank(uint32_t slot) const { return ranks_[slot]; }
    /// Whether the view has it.
    [[nodiscard]] bool known(uint32_t slot) const { return slot < known_; }

  private:
    static constexpr uint32_t kNone = ~uint32_t{0};
    static constexpr DeviceId kNear = 1024;  ///< smaller ones are found by index

    uint32_t find(DeviceId id);
    uint32_t add(DeviceId id, SystemRank rank);

    std::vector<uint32_t> near_;
    std::map<DeviceId, uint32_t> far_;
    std::vector<DeviceId> ids_;
    std::vector<SystemRank> ranks_;
    uint32_t known_ = 0;
};

}  // namespace resume::oracle
