#include "agent/doctor/checks.h"

namespace resume::agent::doctor {

const std::vector<CheckRow>& all_checks() {
    static const std::vector<CheckRow> rows{
        {"platform", check_platform, false},
        {"clocksource", check_clocksource, true},
        {"freeze-budget", check_freeze_budget, true},
        {"pm-test", check_pm_test, true},
        {"features", check_features, true},
        {"frontends", check_frontends, true},
        {"disks, tasks", check_disks_and_tasks, true},
        {"drivers-refuse", check_drivers, true},
        {"fuse", check_fuse, true},
        {"device-path", check_device_paths, true},
        {"poison", check_poison, true},
        {"vmgenid", check_vmgenid, true},
        {"agents", check_agents, true},
        {"xenbus-holders", check_xenbus_holders, true},
        {"known-bad", check_known_bad, false},
    };
    return rows;
}

std::vector<Finding> examine(const Context& context) {
    std::vector<Finding> findings;
    for (const CheckRow& row : all_checks()) {
        if (!row.live_only || (context.running_kernel && context.root.is_live())) {
            row.run(context, findings);
        }
    }
    return findings;
}

Finding fine(std::string id, std::string evidence) {
    return {.id = std::move(id),
            .verdict = Verdict::ok,
            .evidence = std::move(evidence),
            .advice = {},
            .sources = {}};
}

std::string counted(uint64_t count, const char* one) {
    return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

std::string some_of(const std::vector<std::string>& items, size_t most) {
    std::string text;
    for (size_t i = 0; i < items.size() && i < most; ++i) {
        text += (i == 0 ? "" : ", ") + items[i];
    }
    return items.size() > most ? text + " and " + std::to_string(items.size() - most) + " more"
                               : text;
}

}  // namespace resume::agent::doctor
