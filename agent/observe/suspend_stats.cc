#include "agent/observe/suspend_stats.h"

#include <array>
#include <utility>

namespace resume::agent {

namespace {

using Counter = int64_t SuspendStats::*;
constexpr std::array<std::pair<const char*, Counter>, 8> kCounters{{
    {"success", &SuspendStats::success},
    {"fail", &SuspendStats::fail},
    {"failed_freeze", &SuspendStats::failed_freeze},
    {"failed_prepare", &SuspendStats::failed_prepare},
    {"failed_suspend", &SuspendStats::failed_suspend},
    {"failed_suspend_late", &SuspendStats::failed_suspend_late},
    {"failed_suspend_noirq", &SuspendStats::failed_suspend_noirq},
    {"last_failed_errno", &SuspendStats::last_failed_errno},
}};

}  // namespace

SourceState SuspendStats::state() const {
    return {.name = "suspend_stats",
            .available = available,
            .detail = available ? "the kernel's counters (not moved by a Xen suspend)"
                                : "no /sys/power/suspend_stats (Linux before 5.4)"};
}

SuspendStats read_suspend_stats(const Root& root) {
    SuspendStats stats;
    const std::string folder = root("/sys/power/suspend_stats/");
    for (const auto& [name, counter] : kCounters) {
        const auto value = read_number(folder + name);
        stats.available = stats.available || value.has_value();
        stats.*counter = value.value_or(0);
    }
    stats.last_failed_dev = read_line(folder + "last_failed_dev", 256).value_or("");
    stats.last_failed_step = read_line(folder + "last_failed_step", 64).value_or("");
    return stats;
}

StatsChange change_between(const SuspendStats& before, const SuspendStats& after) {
    StatsChange change;
    if (!before.available || !after.available) {
        return change;
    }
    change.successes = after.success - before.success;
    change.failures = after.fail - before.fail;
    const bool froze = after.failed_freeze > before.failed_freeze;
    const bool device = after.failed_prepare > before.failed_prepare ||
                        after.failed_suspend > before.failed_suspend ||
                        after.failed_suspend_late > before.failed_suspend_late ||
                        after.failed_suspend_noirq > before.failed_suspend_noirq;
    if (froze || device) {
        change.step = after.last_failed_step;
        change.error = static_cast<int>(-after.last_failed_errno);
    }
    if (device) {
        change.device = after.last_failed_dev;
    }
    return change;
}

}  // namespace resume::agent
