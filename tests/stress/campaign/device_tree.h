// A device tree of the user's: which devices the guest has of its own, and which of the things that
// are drawn for each life are settled.
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

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "drivers/model/config.h"
#include "tests/stress/guest/devices.h"

namespace resume::stress {

struct DeviceTree {
    std::string file;  ///< where it was read; not part of what it is
    std::vector<OwnDevice> devices;
    std::map<std::string, uint32_t> settled;
};

/// Throws std::runtime_error that names file, line and cause; also for a tree of another guest.
[[nodiscard]] DeviceTree read_tree(const std::string& file, model::GuestKind guest);

/// Adds one behind those that are there; else why not.
[[nodiscard]] std::optional<std::string> add_checked(std::vector<OwnDevice>& devices,
                                                     const OwnDevice& device);

[[nodiscard]] nlohmann::json to_json(const DeviceTree& tree);
/// Throws nlohmann::json::exception when it is none.
[[nodiscard]] DeviceTree tree_from(const nlohmann::json& json);

}  // namespace resume::stress
