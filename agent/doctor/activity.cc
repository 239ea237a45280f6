#include "agent/doctor/activity.h"

#include <algorithm>

namespace resume::agent::doctor {
namespace {

// Fields of /sys/block/X/stat: Linux, Documentation/block/stat.rst.
std::map<std::string, DiskLook> look_at_disks(const Root& root) {
    std::map<std::string, DiskLook> disks;
    for (const std::string& name : root.list("/sys/block")) {
        const std::string base = "/sys/block/" + name;
        const auto fields = words(root.line(base + "/stat"));
        if (fields.size() < 11 || !root.exists(base + "/device")) {
            continue;  // loop, ram and the like have no device behind them
        }
        DiskLook look;
        for (const std::string& count : words(root.line(base + "/inflight"))) {
            look.in_flight += std::atoll(count.c_str());
        }
        look.completed = fields[0] + " " + fields[4] + (fields.size() > 11 ? " " + fields[11] : "");
        disks[name] = look;
    }
    return disks;
}

}  // namespace

bool Activity::busy() const {
    return !tasks.empty() || std::any_of(disks.begin(), disks.end(), [](const auto& disk) {
        return disk.second.in_flight > 0;
    });
}

Activity look_at_activity(const Root& root) {
    return {.disks = look_at_disks(root), .tasks = uninterruptible_tasks(root)};
}

}  // namespace resume::agent::doctor
