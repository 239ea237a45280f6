// The guest of one life with its disk, and whoever makes its life hard: arms what a cycle's plan
// says and takes it back afterwards.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tests/stress/campaign/chooser.h"
#include "tests/stress/campaign/device_faults.h"
#include "tests/stress/campaign/plan.h"
#include "tests/stress/guest/loaded_balloon.h"
#include "tests/stress/guest/loaded_disk.h"
#include "tests/stress/guest/loaded_net.h"

namespace resume::stress {

class Stage {
  public:
    /// `chooser`, which outlives it: who goes next in a cycle; null: as the plan's order says.
    Stage(const LifePlan& plan, Chooser* chooser);
    ~Stage();
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    /// Boots, connects the disk. What was wrong, or nothing.
    std::optional<std::string> begin();
    /// The planned faults are in place from here on.
    void arm(const PlannedCycle& cycle);
    /// Everybody behaves again; what was taken away is put back. Before the next arm().
    void calm();
    /// What somebody saw during the cycle that no guest should do; empty when nothing.
    [[nodiscard]] const std::string& complaint() const { return own_devices_->complaint(); }
    [[nodiscard]] std::string broken_promise() const { return own_devices_->broken_promise(); }

    [[nodiscard]] const LifePlan& plan() const { return plan_; }
    [[nodiscard]] ModelledGuest& guest() { return guest_; }
    [[nodiscard]] Machine& machine() { return guest_.machine(); }
    [[nodiscard]] LoadedDisk& disk() { return *disk_; }
    /// Null when the guest has none, or let go of it.
    [[nodiscard]] LoadedNet* net() { return has_net() ? net_.get() : nullptr; }
    /// Null when the guest has none.
    [[nodiscard]] LoadedBalloon* balloon() { return balloon_.get(); }
    /// Null when the program brings none.
    [[nodiscard]] GuestPart* part() { return part_.get(); }
    /// The toolstack or the plan took the disk away for good.
    [[nodiscard]] bool disk_is_gone() const { return disk_->disk.gone() || unplugged_; }
    [[nodiscard]] bool transaction_torn() const { return torn_; }
    [[nodiscard]] uint32_t storm_events() const { return storm_events_; }

  private:
    static constexpr const char* kPoked = "data/poke";
    static constexpr uint32_t kTaskInStore = 0, kTransactionTask = 1;

    std::optional<std::string> begin_part();
    void spoil_drivers();
    [[nodiscard]] bool has_net() const { return net_ != nullptr && net_->net.registered(); }
    void arm(const PlannedFault& fault);
    void arm_backend(const PlannedFault& fault);
    void arm_machine(const PlannedFault& fault);
    void arm_calls(const PlannedFault& fault);
    void storm(uint32_t events, Nanoseconds gap);

    const LifePlan plan_;
    ModelledGuest guest_;
    std::unique_ptr<LoadedDisk> disk_;
    std::unique_ptr<LoadedNet> net_;
    std::unique_ptr<LoadedBalloon> balloon_;
    std::unique_ptr<GuestPart> part_;
    std::unique_ptr<DeviceFaults<ModelledGuest>> own_devices_;
    std::unique_ptr<StoreWatch> poke_{new StoreWatch};
    bool transaction_open_ = false;
    bool torn_ = false;
    bool unplugged_ = false;
    bool lets_go_ = false;  ///< of its interface, when the cycle is over
    uint32_t storm_events_ = 0;
};

}  // namespace resume::stress
