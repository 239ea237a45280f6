// A device tree as the user writes it.
//
//   guest = "xen-hvm"          # else as --guest says
//   [settled]                  # by their names in a stored plan; the rest is drawn
//   vcpus = 2
//   network = true
//   [[device]]
//   name = "vbd-51712"
//   parent = "pci"             # listed before it; without one: the store
//   suspend_ms = 2             # it drains for so long
//   resume_ms = 10             # after a real resume it connects for so long
#pragma once

#include "drivers/model/config.h"
#include "tests/stress/campaign/device_tree.h"

namespace resume::stress {

/// Throws std::runtime_error that names file, line and cause; also for a tree of another guest.
[[nodiscard]] DeviceTree read_tree(const std::string& file, model::GuestKind guest);

}  // namespace resume::stress
