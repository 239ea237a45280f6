// A trace as the oracle sees it: events, the device table and what the head of the text says.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "libresume/trace.h"

namespace resume::oracle {

struct DeviceInfo {
    DeviceId parent = kNoDevice;
    SystemRank rank = SystemRank::none;
    std::string name;
    std::vector<DeviceId> suppliers;
};

struct TraceView {
    std::string guest = "?";  ///< "xen-hvm", "xen-pvh", "kvm": the L rules are for xen-*
    uint32_t vcpus = 1;
    uint64_t frequency = 0;  ///< ticks a second; 0 = not known
    Sight sights = Sight::none;
    uint32_t part = 0;        ///< of the last piece that was joined
    uint64_t lost = 0;        ///< events that the ring overwrote
    bool truncated = false;   ///< the text ended before its last line
    uint64_t first_line = 0;  ///< of the text, 0 when it did not come from one
    std::vector<TraceEvent> events;
    std::map<DeviceId, DeviceInfo> devices;

    [[nodiscard]] bool is_xen() const { return guest.rfind("xen-", 0) == 0; }
    /// Name of a device for people; its number when the table does not have it.
    [[nodiscard]] std::string device_name(DeviceId id) const;
    [[nodiscard]] SystemRank rank_of(DeviceId id) const;
    /// Takes over what device_added and device_linked say, where the table does not say it.
    void learn_devices();
};

/// Copies the readable events and the count of lost ones out of a ring.
void append_events(TraceView& view, const Trace& trace);

/// Ticks to nanoseconds by the view's frequency; ticks themselves when it is not known.
[[nodiscard]] uint64_t to_ns(const TraceView& view, Ticks ticks);

}  // namespace resume::oracle
