#include "drivers/model/migration_stream.h"

#include <algorithm>

namespace resume::model {
namespace {

constexpr size_t kSectionMax = 1 + NeedList::kNeedsMax * (NeedList::kNameMax + 1);

const StreamDevice* find(const std::vector<StreamDevice>& devices, const std::string& name) {
    const auto found =
        std::find_if(devices.begin(), devices.end(),
                     [&](const StreamDevice& device) { return device.name == name; });
    return found == devices.end() ? nullptr : &*found;
}

// One section: its device's name with a length before it, then the list of needs.
bool read_section(const std::vector<uint8_t>& bytes, size_t& at, std::string& name,
                  NeedList& needs) {
    const size_t length = bytes[at];
    if (length == 0 || length > bytes.size() - at - 1) {
        return false;
    }
    name.assign(bytes.begin() + static_cast<std::ptrdiff_t>(at + 1),
                bytes.begin() + static_cast<std::ptrdiff_t>(at + 1 + length));
    at += 1 + length;
    const auto used = needs.decode(bytes.data() + at, bytes.size() - at);
    at += used.ok() ? used.value() : 0;
    return used.ok();
}

void load_section(const std::string& name, const NeedList& needs, const StreamDevice* device,
                  const Waivers& waivers, StreamBugs bugs, LoadOutcome& outcome) {
    LoadReport report;
    const Contract nothing;
    const auto checked = check_needs(needs, device != nullptr ? device->contract : nothing,
                                     device != nullptr ? device->state : nullptr, waivers, report);
    for (uint32_t i = 0; i < report.count; ++i) {
        if (!bugs.drop_silently || report.fates[i] == ItemFate::restored) {
            outcome.lines.push_back({name, needs.at(i), report.fates[i]});
        }
    }
    if (checked.ok() || bugs.drop_silently) {
        return;
    }
    outcome.failed.push_back(name);
    if (outcome.error.empty()) {
        const auto refused = static_cast<uint32_t>(checked.error().detail);
        outcome.error = "device '" + name + "': item '" + needs.at(refused) + "': " +
                        (report.fates[refused] == ItemFate::unknown_here
                             ? "this side's driver does not know it"
                             : "this side's platform cannot restore it");
    }
}

}  // namespace

std::vector<uint8_t> save_stream(const std::vector<StreamDevice>& devices, std::string& error) {
    std::vector<uint8_t> bytes;
    for (const StreamDevice& device : devices) {
        NeedList needs;
        const auto collected = collect_needs(device.contract, device.state, needs);
        if (!collected.ok() || device.name.empty() || device.name.size() > 255) {
            error = "device '" + device.name + "': its contract: " +
                    (collected.ok() ? "name" : name_of(collected.error().code));
            return {};
        }
        bytes.push_back(static_cast<uint8_t>(device.name.size()));
        bytes.insert(bytes.end(), device.name.begin(), device.name.end());
        uint8_t section[kSectionMax];
        const auto used = needs.encode(section, sizeof section);
        bytes.insert(bytes.end(), section, section + used.value());
    }
    return bytes;
}

LoadOutcome load_stream(const std::vector<uint8_t>& bytes, const std::vector<StreamDevice>& devices,
                        const Waivers& waivers, StreamBugs bugs) {
    LoadOutcome outcome;
    NeedList needs;
    std::string name;
    for (size_t at = 0; at < bytes.size();) {
        if (!read_section(bytes, at, name, needs)) {
            outcome.error = "malformed stream at byte " + std::to_string(at);
            return outcome;
        }
        load_section(name, needs, find(devices, name), waivers, bugs, outcome);
    }
    return outcome;
}

}  // namespace resume::model
