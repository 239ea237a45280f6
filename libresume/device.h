// A device of the guest: an intrusive node. Memory belongs to whoever declares it and outlives its
// registration. The list that it is on says how far the cycle got with it; undoing walks that list
// by index.
#pragma once

#include <atomic>

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include "libresume/driver.h"

namespace resume {
inline namespace v0 {

class Device;
class DeviceTree;
class Engine;

/// A dependency beside parent and child: the consumer is down before its supplier goes down, and up
/// after it. Belongs to the caller; removed with either device.
class DeviceLink {
  public:
    DeviceLink() noexcept = default;
    DeviceLink(const DeviceLink&) = delete;
    DeviceLink& operator=(const DeviceLink&) = delete;

    [[nodiscard]] Device* consumer() const noexcept { return consumer_; }
    [[nodiscard]] Device* supplier() const noexcept { return supplier_; }

  private:
    friend class Device;
    friend class DeviceTree;
    friend class Engine;
    Device* consumer_ = nullptr;
    Device* supplier_ = nullptr;

  public:  // Boost.Intrusive's hooks: touched by the tree only.
    boost::intrusive::list_member_hook<> of_consumer;
    boost::intrusive::list_member_hook<> of_supplier;
};

class Device {
  public:
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    /// Unique in its tree by use, for people and reports; not by force.
    [[nodiscard]] const char* name() const noexcept { return name_; }
    [[nodiscard]] const DriverOps& ops() const noexcept { return *ops_; }
    [[nodiscard]] DeviceId id() const noexcept { return id_; }
    [[nodiscard]] Device* parent() const noexcept { return parent_; }
    [[nodiscard]] bool is_system() const noexcept { return ops_->rank != SystemRank::none; }
    [[nodiscard]] bool registered() const noexcept { return id_ != kNoDevice; }

    /// For the mutation tests: replaces the table. Not in mid-cycle.
    void replace_ops(CheckedOps ops) noexcept { ops_ = &ops.get(); }

  protected:
    /// `name` outlives the device.
    Device(CheckedOps ops, const char* name) noexcept : ops_{&ops.get()}, name_{name} {}
    /// A device must be unregistered before it goes: asserted.
    ~Device();

  private:
    friend class Completer;
    friend class DeviceTree;
    friend class Engine;
    friend class ThreadContext;
    friend struct DeviceAccess;

    const DriverOps* ops_;
    const char* name_;
    Device* parent_ = nullptr;
    DeviceId id_ = kNoDevice;
    uint32_t index_ = 0;  ///< topological, fixed by prepare
    // The engine engineer adds what the scheduler needs here (list hooks, wait counts, the
    // completion slot); see engine.h.
};

}  // namespace v0
}  // namespace resume
