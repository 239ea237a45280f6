#include "tests/stress/campaign/device_tree.h"

#include <algorithm>
#include <cctype>

namespace resume::stress {

namespace {

constexpr size_t kMostName = 32;

bool is_word(const std::string& text) {
    return !text.empty() && text.size() <= kMostName &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
           });
}

}  // namespace

std::optional<std::string> add_checked(std::vector<OwnDevice>& devices, const OwnDevice& device) {
    const auto there = [&devices](const std::string& name) {
        return std::any_of(devices.begin(), devices.end(),
                           [&name](const OwnDevice& other) { return other.name == name; });
    };
    if (devices.size() == kMostOwnDevices) {
        return "more than " + std::to_string(kMostOwnDevices) + " devices";
    }
    if (!is_word(device.name)) {
        return "a device needs a name of 1 to " + std::to_string(kMostName) +
               " letters, digits, '-', '_' and '.'";
    }
    if (there(device.name)) {
        return "there is a device '" + device.name + "' already";
    }
    if (!device.parent.empty() && !there(device.parent)) {
        return "no device '" + device.parent + "' is listed before '" + device.name + "'";
    }
    if (device.suspend_ms > kMostDeviceMs || device.resume_ms > kMostDeviceMs) {
        return "'" + device.name + "' takes more than " + std::to_string(kMostDeviceMs) + " ms";
    }
    devices.push_back(device);
    return std::nullopt;
}

nlohmann::json to_json(const DeviceTree& tree) {
    nlohmann::json out{{"settled", tree.settled}, {"devices", nlohmann::json::array()}};
    for (const OwnDevice& device : tree.devices) {
        out["devices"].push_back({{"name", device.name},
                                  {"parent", device.parent},
                                  {"suspend_ms", device.suspend_ms},
                                  {"resume_ms", device.resume_ms}});
    }
    return out;
}

DeviceTree tree_from(const nlohmann::json& from) {
    DeviceTree tree;
    from.at("settled").get_to(tree.settled);
    for (const auto& row : from.at("devices")) {
        tree.devices.push_back({.name = row.at("name").get<std::string>(),
                                .parent = row.at("parent").get<std::string>(),
                                .suspend_ms = row.at("suspend_ms").get<uint32_t>(),
                                .resume_ms = row.at("resume_ms").get<uint32_t>()});
    }
    return tree;
}

}  // namespace resume::stress
