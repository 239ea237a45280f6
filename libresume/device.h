// A device of the guest: an intrusive node. Memory belongs to whoever declares it and outlives its
// registration. A mask of the phases that it went down with says how far the cycle got with it;
// undoing walks the tree's one topological list and asks that mask.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include "libresume/completion.h"
#include "libresume/driver.h"

namespace resume {
inline namespace v0 {

class CompletionQueue;
class Device;
class DeviceTree;
class Engine;
class Scheduler;

/// A dependency: the consumer is down before its supplier goes down, and up after it. The caller
/// owns the links beside parent and child; removed with either device.
class DeviceLink {
  public:
    DeviceLink() noexcept = default;
    DeviceLink(const DeviceLink&) = delete;
    DeviceLink& operator=(const DeviceLink&) = delete;

    [[nodiscard]] Device* consumer() const noexcept { return consumer_; }
    [[nodiscard]] Device* supplier() const noexcept { return supplier_; }

  private:
    friend class DeviceTree;
    Device* consumer_ = nullptr;
    Device* supplier_ = nullptr;

  public:  // Boost.Intrusive's hooks: touched by the tree only.
    boost::intrusive::list_member_hook<> of_consumer;
    boost::intrusive::list_member_hook<> of_supplier;
};

using SupplierLinks = boost::intrusive::list<
    DeviceLink,
    boost::intrusive::member_hook<DeviceLink, boost::intrusive::list_member_hook<>,
                                  &DeviceLink::of_consumer>,
    boost::intrusive::constant_time_size<false>>;
using ConsumerLinks = boost::intrusive::list<
    DeviceLink,
    boost::intrusive::member_hook<DeviceLink, boost::intrusive::list_member_hook<>,
                                  &DeviceLink::of_supplier>,
    boost::intrusive::constant_time_size<false>>;

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
    /// Its hook of the running phase may come next: a chooser (policy.h) counts those that are, in
    /// the order of Engine::each_device.
    [[nodiscard]] bool ready() const noexcept { return state_ == State::ready; }

    /// For the mutation tests: replaces the table. Not in mid-cycle.
    void replace_ops(CheckedOps ops) noexcept { ops_ = &ops.get(); }

  protected:
    /// `name` outlives the device.
    Device(CheckedOps ops, const char* name) noexcept : ops_{&ops.get()}, name_{name} {}
    /// A device must be unregistered before it goes: asserted.
    ~Device();

  private:
    friend class Completer;
    friend class CompletionQueue;
    friend class DeviceTree;
    friend class Engine;
    friend class Scheduler;
    friend class ThreadContext;
    friend struct DeviceAccess;

    /// Where the scheduler has it in the running phase; idle before it was looked at and after it
    /// is through.
    enum class State : uint8_t { idle, blocked, ready, running, pending };

    using ListHook = boost::intrusive::list_member_hook<>;
    using SetHook = boost::intrusive::set_member_hook<boost::intrusive::optimize_size<true>>;

    // What a walk over ten thousand devices touches stands together in the first cache line.
    const DriverOps* ops_;
    ListHook order_hook_;    ///< the tree's topological list
    uint8_t went_down_ = 0;  ///< bit n: the down hook of Phase n succeeded
    State state_ = State::idle;
    bool removed_ = false;    ///< removed in mid-cycle, still linked until its end
    uint32_t index_ = 0;      ///< topological, fixed when a cycle begins
    uint32_t waits_for_ = 0;  ///< unfinished devices that a blocked one needs
    DeviceId id_ = kNoDevice;

    const char* name_;
    DeviceTree* tree_ = nullptr;  ///< where it is registered
    CompletionQueue* queue_ = nullptr;
    Device* parent_ = nullptr;
    DeviceLink parent_link_;  ///< the parent as supplier: one kind of edge in the graph
    SupplierLinks suppliers_;
    ConsumerLinks consumers_;
    ListHook system_hook_;  ///< the list of system devices, by rank

    SetHook turn_hook_;  ///< the set of ready or that of pending devices, never both
    uint64_t turn_ = 0;  ///< key there: place among the ready, or deadline in ticks
    CompletionSlot completion_;
};

}  // namespace v0
}  // namespace resume
