// A driver of somebody else's in the modelled guest: what a driver's author gives to stress_main(),
// and each life of a campaign makes anew.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "drivers/xen_guest/xen_guest.h"
#include "libresume/step_table.h"

namespace resume::stress {

/// Destroyed after detach(), or left as it is in a guest that died.
class GuestPart {
  public:
    virtual ~GuestPart() = default;
    // Guest code, thread context, CPU 0; never in mid-cycle.
    /// After boot: adds the driver to the guest.
    virtual Result<> attach() = 0;
    /// In each round of the guest's main loop.
    virtual void pump() {}
    /// When every fault has stopped and two cycles have gone by without any: uses the driver once.
    /// What is wrong with it; empty when nothing is.
    virtual std::string trouble() = 0;
    /// Takes the driver out again; also after an attach() that failed half-way.
    virtual void detach() = 0;
};

using MakePart = std::unique_ptr<GuestPart> (*)(Machine& machine, XenGuest& guest);

/// For the mutation tests: each life's drivers of the library's when all of them are up, in
/// whichever guest it is. Guest code, thread context, CPU 0; before the first cycle.
using SpoilDrivers = void (*)(std::span<Device* const> drivers);

}  // namespace resume::stress
