#include "libresume/oracle/device_slots.h"

namespace resume::oracle {

DeviceSlots::DeviceSlots(const TraceView& view) : near_(kNear, kNone) {
    for (const auto& [id, info] : view.devices) {
        add(id, info.rank);
    }
    known_ = count();
}

uint32_t DeviceSlots::find(DeviceId id) {
    const auto found = far_.find(id);
    return found != far_.end() ? found->second : add(id, SystemRank::none);
}

uint32_t DeviceSlots::add(DeviceId id, SystemRank rank) {
    const uint32_t slot = count();
    ids_.push_back(id);
    ranks_.push_back(rank);
    if (id < kNear) {
        near_[id] = slot;
    } else {
        far_.emplace(id, slot);
    }
    return slot;
}

}  // namespace resume::oracle
