// A device tree of the user's: which devices the guest has of its own, and which of the things that
// are drawn for each life are settled.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/stress/guest/devices.h"

namespace resume::stress {

inline constexpr uint32_t kMostDeviceMs = 1'000;  ///< a hook has two seconds in all

struct DeviceTree {
    std::string file;  ///< where it was read; not part of what it is
    std::vector<OwnDevice> devices;
    std::map<std::string, uint32_t> settled;
};

/// Adds one behind those that are there; else why not.
[[nodiscard]] std::optional<std::string> add_checked(std::vector<OwnDevice>& devices,
                                                     const OwnDevice& device);

[[nodiscard]] nlohmann::json to_json(const DeviceTree& tree);
/// Throws nlohmann::json::exception when it is none.
[[nodiscard]] DeviceTree tree_from(const nlohmann::json& json);

}  // namespace resume::stress
