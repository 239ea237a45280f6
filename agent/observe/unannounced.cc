#include "agent/observe/unannounced.h"

#include <stdio.h>
#include <stdlib.h>

#include <algorithm>

namespace resume::agent {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
/// Two clocks that nobody disciplines drift apart by up to this share of the time between.
constexpr int64_t kDriftPerMillion = 500;
constexpr int64_t kLeastLossNs = 2 * kSecond;

std::string seconds(int64_t ns) {
    char text[40];
    snprintf(text, sizeof text, "%+.3f s", static_cast<double>(ns) / 1e9);
    return text;
}

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names) {
        if (out.find(name) == std::string::npos) {
            out += (out.empty() ? "" : ", ") + name;
        }
    }
    return out;
}

}  // namespace

std::optional<int64_t> lost_time_ns(const Snapshot& before, const Snapshot& after) {
    if (!before.reference || !after.reference) {
        return std::nullopt;
    }
    // A step of REALTIME moves the difference as well, and is no loss.
    const ClockChange clocks = change_between(before.clocks, after.clocks);
    const int64_t moved = after.reference->lead_ns - before.reference->lead_ns + clocks.step_ns;
    const int64_t between = after.clocks.boot_ns - before.clocks.boot_ns;
    const int64_t doubt = before.reference->error_ns + after.reference->error_ns +
                          std::max<int64_t>(between, 0) / 1'000'000 * kDriftPerMillion;
    if (moved < std::max(doubt, kLeastLossNs)) {
        return std::nullopt;
    }
    return moved;
}

std::optional<oracle::CycleReport> judge_unannounced(const Evidence& evidence) {
    const auto lost = lost_time_ns(evidence.before, evidence.after);
    const ClockChange clocks = change_between(evidence.before.clocks, evidence.after.clocks);
    const bool stepped = std::llabs(clocks.step_ns) > kClockNoiseNs;
    // Xen restores a guest by way of the guest's own suspend, which the other sources see; its
    // links notify their peers when their backends are back, seconds later on a busy host.
    const bool xen = evidence.after.xen.has_value() || evidence.after.store_domid.has_value();
    const bool announced_links = !xen && !evidence.notifying_links.empty();

    oracle::CycleReport report;
    report.begin_boot_ns = static_cast<uint64_t>(evidence.before.clocks.boot_ns);
    report.duration_ns = static_cast<uint64_t>(
        std::max<int64_t>(evidence.after.clocks.boot_ns - evidence.before.clocks.boot_ns, 0));
    if (lost) {
        report.changed.push_back({"stopped time", "0 s", seconds(*lost)});
    }
    if (evidence.forked) {
        report.kind = "restore";
        report.outcome = "resumed";
        report.confidence = "high";
        report.changed.push_back({"vm generation", "old", "new"});
    } else if (lost && announced_links) {
        report.kind = "restore";
        report.outcome = "resumed";
        report.confidence = "medium";
    } else if (lost) {
        report.kind = "pause";
        report.outcome = "none";
        report.confidence = "medium";
    } else if (announced_links && !evidence.links_of_before) {
        report.kind = "restore";
        report.outcome = "unknown";
        report.confidence = "low";
    } else if (stepped) {
        report.kind = "clock-step";
        report.outcome = "none";
        report.confidence = evidence.clock_set ? "high" : "medium";
        report.changed.push_back({"wall clock", "0 s", seconds(clocks.step_ns)});
    } else {
        return std::nullopt;
    }
    if (announced_links) {
        report.changed.push_back({"peers notified", "", joined(evidence.notifying_links)});
    }
    return report;
}

}  // namespace resume::agent
