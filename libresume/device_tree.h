// The inventory of devices and what depends on what. One topological list (suppliers before their
// consumers, parents being suppliers) serves every walk: forward is parents first, backward is
// children first. Nothing here allocates.
#pragma once

#include "libresume/device.h"

namespace resume {
inline namespace v0 {

/// Names the intrusive containers over a device's private hooks.
struct DeviceAccess {
    struct TurnKey {
        using type = uint64_t;
        uint64_t operator()(const Device& device) const noexcept { return device.turn_; }
    };
    /// Devices by Device::turn_: the ready ones by place, the pending ones by deadline.
    using TurnSet = boost::intrusive::multiset<
        Device, boost::intrusive::member_hook<Device, Device::SetHook, &Device::turn_hook_>,
        boost::intrusive::key_of_value<TurnKey>, boost::intrusive::constant_time_size<true>>;
};
using TurnSet = DeviceAccess::TurnSet;

class DeviceTree {
  public:
    using Order = boost::intrusive::list<
        Device, boost::intrusive::member_hook<Device, Device::ListHook, &Device::order_hook_>,
        boost::intrusive::constant_time_size<false>>;
    using System = boost::intrusive::list<
        Device, boost::intrusive::member_hook<Device, Device::ListHook, &Device::system_hook_>,
        boost::intrusive::constant_time_size<false>>;

    DeviceTree() noexcept = default;
    DeviceTree(const DeviceTree&) = delete;
    DeviceTree& operator=(const DeviceTree&) = delete;
    /// Forgets every device, so that an engine may go before its devices.
    ~DeviceTree();

    /// exists when registered (here or elsewhere), invalid when the parent is not registered here.
    Result<> add(Device& device, Device* parent, CompletionQueue& queue) noexcept;
    /// invalid when it is not registered here or has children.
    Result<> remove(Device& device) noexcept;
    /// exists when the link is in use, invalid when a device is not registered here, cycle when it
    /// would close one.
    Result<> link(DeviceLink& link, Device& consumer, Device& supplier) noexcept;
    void unlink(DeviceLink& link) noexcept;

    /// Makes the indexes topological again, if a link broke them. O(n log n) then, else O(1).
    void fix_order() noexcept;

    [[nodiscard]] Order& order() noexcept { return order_; }
    /// System devices by rank, equal ranks as they were registered.
    [[nodiscard]] System& system() noexcept { return system_; }
    [[nodiscard]] uint32_t size() const noexcept { return size_; }
    [[nodiscard]] bool has(const Device& device) const noexcept { return device.tree_ == this; }
    /// Children that were not themselves removed in mid-cycle.
    [[nodiscard]] bool has_children(const Device& device) const noexcept;

  private:
    bool reaches(Device& from, const Device& to) noexcept;
    void attach(DeviceLink& link, Device& consumer, Device& supplier) noexcept;
    void detach(DeviceLink& link) noexcept;
    void forget(Device& device) noexcept;

    Order order_;
    System system_;
    uint32_t size_ = 0;
    DeviceId last_id_ = kNoDevice;
    uint32_t last_index_ = 0;
    bool ordered_ = true;
};

}  // namespace v0
}  // namespace resume
