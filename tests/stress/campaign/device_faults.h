// What planned faults do to a guest's own devices, and how they are taken back. The same for every
// guest.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "drivers/kvm_guest/kvm_guest.h"
#include "drivers/xen_guest/xen_guest.h"
#include "tests/graveyard.h"
#include "tests/stress/campaign/plan.h"
#include "tests/stress/guest/devices.h"

namespace resume::stress {

inline Result<CycleResult> suspend_again(XenGuest& guest) {
    return guest.suspend();
}
inline Result<CycleResult> suspend_again(KvmGuest& guest) {
    return guest.suspend({.kind = Kind::s2idle});
}

/// `Guest`: ModelledGuest or KvmModelledGuest, which outlives it.
template <class Guest>
class DeviceFaults {
  public:
    /// After boot.
    explicit DeviceFaults(Guest& guest)
        : guest_{guest}, spare_{std::make_unique<OrdinaryDevice>(guest.guest(), "spare")} {
        for (const auto& device : guest_.devices()) {
            ordinary_.push_back(device->behaviour);
        }
    }
    ~DeviceFaults() {
        if (!guest_.machine().alive()) {
            test::bury({spare_.release()});
        }
    }
    DeviceFaults(const DeviceFaults&) = delete;
    DeviceFaults& operator=(const DeviceFaults&) = delete;

    /// A fault that is no device's is left alone.
    void arm(const PlannedFault& fault);
    /// Everybody behaves again; who was taken out is registered again.
    void calm();
    /// What the guest let somebody do that it must not; empty when nothing.
    [[nodiscard]] const std::string& complaint() const { return complaint_; }
    void forget_complaint() { complaint_.clear(); }
    /// What a device's hooks were promised and did not get; empty when all was kept.
    [[nodiscard]] std::string broken_promise() const {
        for (const auto& device : guest_.devices()) {
            if (device->broken != nullptr) {
                return std::string{device->name()} + ": " + device->broken;
            }
        }
        return {};
    }

  private:
    /// A hook runs in the guest; what it allocates would be the guest's.
    void act_in_hook(const PlannedFault& fault, std::function<void()> act);
    void arm_hook(const PlannedFault& fault);
    void remove(uint32_t index) {
        OrdinaryDevice& device = *guest_.devices()[index];
        if (device.registered()) {
            device.leaves = true;
            (void)guest_.guest().remove(device);  // busy: it leaves at the end of the cycle
        }
    }
    void expect_busy(const Result<>& result, const char* what) {
        if (result.ok() || result.error().code != Errc::busy) {
            complaint_ = what;
        }
    }

    Guest& guest_;
    std::unique_ptr<OrdinaryDevice> spare_;
    std::vector<Behaviour> ordinary_;
    std::string complaint_;
};

template <class Guest>
void DeviceFaults<Guest>::act_in_hook(const PlannedFault& fault, std::function<void()> act) {
    auto& behaviour = guest_.devices()[fault.a]->behaviour;
    behaviour.meanwhile = [before = std::move(behaviour.meanwhile), act = std::move(act),
                           wanted = static_cast<Phase>(fault.b)](Phase phase) {
        if (before) {
            before(phase);
        }
        if (phase == wanted) {
            act();
        }
    };
}

template <class Guest>
void DeviceFaults<Guest>::arm(const PlannedFault& fault) {
    const auto behaviour = [this, &fault]() -> Behaviour& {
        return guest_.devices()[fault.a]->behaviour;
    };
    switch (fault.kind) {
        case FaultKind::device_refuses:
            behaviour().refuse = Errc::refused;
            behaviour().refuse_in = static_cast<Phase>(fault.b);
            break;
        case FaultKind::device_drains_late:
            behaviour().suspend_wait_ms = fault.b;
            break;
        case FaultKind::device_connects_late:
            behaviour().resume_wait_ms = fault.b;
            break;
        case FaultKind::device_never_ends:
            behaviour().never_completes = true;
            break;
        default:
            arm_hook(fault);
            break;
    }
}

template <class Guest>
void DeviceFaults<Guest>::arm_hook(const PlannedFault& fault) {
    switch (fault.kind) {
        case FaultKind::call_off:
            act_in_hook(fault, [this] { guest_.guest().engine().call_off(Errc::called_off); });
            break;
        case FaultKind::second_suspend:
            act_in_hook(fault, [this] {
                const Result<CycleResult> second = suspend_again(guest_.guest());
                expect_busy(second.ok() ? Result<>{} : Result<>{second.error()},
                            "a second suspend in mid-cycle was not refused as busy");
            });
            break;
        case FaultKind::device_removed:
            act_in_hook(fault, [this, index = fault.c] { remove(index); });
            break;
        case FaultKind::device_added:
            act_in_hook(fault, [this] {
                expect_busy(guest_.guest().add(*spare_),
                            "a device was registered in mid-cycle and not refused as busy");
            });
            break;
        default:
            break;
    }
}

template <class Guest>
void DeviceFaults<Guest>::calm() {
    for (size_t i = 0; i < ordinary_.size(); ++i) {
        OrdinaryDevice& device = *guest_.devices()[i];
        device.behaviour = ordinary_[i];
        device.leaves = false;
        if (!device.registered()) {
            guest_.run([this, i] {
                if (!guest_.add_device(i).ok()) {
                    complaint_ = "a device that was removed cannot be registered again";
                }
            });
        }
    }
}

}  // namespace resume::stress
