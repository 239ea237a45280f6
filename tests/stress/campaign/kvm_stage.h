// The guest of KVM's of one life with its disk and interface, and whoever makes its life hard. The
// counterpart of Stage.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/stress/campaign/chooser.h"
#include "tests/stress/campaign/device_faults.h"
#include "tests/stress/campaign/plan.h"
#include "tests/stress/guest/loaded_virtio.h"

namespace resume::stress {

class KvmStage {
  public:
    /// `chooser`, which outlives it: who goes next in a cycle; null: as the plan's order says.
    KvmStage(const LifePlan& plan, Chooser* chooser);
    KvmStage(const KvmStage&) = delete;
    KvmStage& operator=(const KvmStage&) = delete;

    /// Boots, brings disk and interface up. What was wrong, or nothing.
    std::optional<std::string> begin();
    /// The planned faults are in place from here on.
    void arm(const PlannedCycle& cycle);
    /// The guest suspends, or its host does what is planned with it.
    KvmCycle perform(const PlannedCycle& cycle);
    /// Everybody behaves again.
    void calm();

    [[nodiscard]] const std::string& complaint() const { return own_devices_->complaint(); }
    [[nodiscard]] std::string broken_promise() const { return own_devices_->broken_promise(); }
    [[nodiscard]] const LifePlan& plan() const { return plan_; }
    [[nodiscard]] KvmModelledGuest& guest() { return guest_; }
    [[nodiscard]] LoadedVirtio& loaded() { return loaded_; }
    /// Its host did something with it while a cycle ran.
    [[nodiscard]] bool moved_in_mid_cycle() const { return moved_in_mid_cycle_; }
    /// Of what others took of vCPU 0 before the cycle, what the guest does not know of after it.
    [[nodiscard]] Nanoseconds forgotten_steal();
    /// The power button was pressed, and the guest slept until it was pressed again.
    [[nodiscard]] bool slept_on() const { return slept_on_; }

  private:
    void arm(const PlannedFault& fault);
    void steal(uint32_t cpu, Nanoseconds stolen);
    void in(uint32_t ms, std::function<void()> act);

    const LifePlan plan_;
    KvmModelledGuest guest_;
    LoadedVirtio loaded_;
    std::unique_ptr<DeviceFaults<KvmModelledGuest>> own_devices_;
    /// What is to happen so many ms after the suspend began.
    struct Planned {
        Nanoseconds after;
        std::function<void()> act;
    };
    std::vector<Planned> planned_;
    Nanoseconds stolen_ = 0;  ///< of vCPU 0, before this cycle
    Nanoseconds stolen_before_ = 0;
    bool moved_in_mid_cycle_ = false;
    bool pressed_ = false;
    bool slept_on_ = false;
};

}  // namespace resume::stress
