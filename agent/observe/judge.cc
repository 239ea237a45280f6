#include "agent/observe/judge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/observe/unannounced.h"

namespace resume::agent {

namespace {

using oracle::CycleReport;
using oracle::ReportCause;

std::string seconds(int64_t ns) {
    char text[40];
    snprintf(text, sizeof text, "%.3f s", static_cast<double>(ns) / 1e9);
    return text;
}

ReportCause& cause_of(CycleReport& report) {
    if (!report.cause) {
        report.cause.emplace();
    }
    return *report.cause;
}

const char* kind_of(const KmsgFacts& log) {
    if (log.test_wait || log.unsupported_test) {
        return "pm-test";
    }
    if (log.sleep_state == "disk") {
        return "hibernate";
    }
    if (log.sleep_state == "s2idle") {
        return "s2idle";
    }
    if (log.sleep_state == "deep" || log.sleep_state == "shallow") {
        return "s3";
    }
    return log.xen ? "xen-suspend" : "unknown";
}

/// A suspend of which there are no events: before the first one, or without tracefs.
CycleReport report_of(const KmsgFacts& log, const Evidence& evidence) {
    CycleReport report;
    report.kind = kind_of(log);
    report.confidence = "medium";
    report.begin_boot_ns = static_cast<uint64_t>(evidence.before.clocks.boot_ns);
    const int64_t passed = evidence.after.clocks.boot_ns - evidence.before.clocks.boot_ns;
    report.duration_ns = static_cast<uint64_t>(passed > 0 ? passed : 0);
    const bool refused = log.freeze_failed || log.freeze_aborted || !log.notifier.empty() ||
                         !log.refusing_device.empty() || log.unsupported_test || log.woke_early ||
                         log.xen_errno != 0;
    const ClockChange clocks = change_between(evidence.before.clocks, evidence.after.clocks);
    if (refused) {
        report.outcome = "aborted";
    } else if (log.test_wait || clocks.slept_ns > kClockNoiseNs) {
        // Without events a cancelled Xen suspend looks like a resumed one.
        report.outcome = report.kind == "xen-suspend" ? "unknown" : "resumed";
    }
    return report;
}

void name_kind(CycleReport& report, const KmsgFacts& log) {
    const std::string told = kind_of(log);
    if (told == "unknown" || told == report.kind) {
        return;
    }
    // The log names the state; the trace cannot tell a refused s2idle from a refused S3.
    if (report.kind.empty() || report.kind == "unknown" || told == "pm-test" ||
        report.outcome != "resumed") {
        report.kind = told;
    }
}

void name_cause(CycleReport& report, const KmsgFacts& log) {
    if (!log.notifier.empty()) {
        report.outcome = "aborted";
        ReportCause& cause = cause_of(report);
        cause.phase = "prepare";
        cause.error = log.notifier_errno;
        cause.detail = "a notifier refused " + log.notifier;
    } else if (log.unsupported_test) {
        report.outcome = "aborted";
        ReportCause& cause = cause_of(report);
        cause.phase = "prepare";
        cause.error = EAGAIN;
        cause.detail = "pm_test is set to a level that s2idle does not have";
    }
    // Of a trace with gaps the log may know better.
    if (log.xen_errno != 0 && report.outcome == "cancelled" && report.confidence == "low") {
        report.outcome = "aborted";
        cause_of(report).phase = "syscore_suspend";
    }
    if (report.outcome != "aborted") {
        return;
    }
    ReportCause& cause = cause_of(report);
    if (log.freeze_failed || log.freeze_aborted) {
        cause.phase = "freeze_tasks";
        cause.error = EBUSY;
        cause.task = log.refusing_task;
        cause.detail = log.freeze_aborted ? "a wake-up event came while tasks were frozen"
                       : log.refusing_pid != 0
                           ? "would not freeze: pid " + std::to_string(log.refusing_pid)
                           : "tasks would not freeze";
        return;
    }
    if (cause.device.empty() && !log.refusing_device.empty()) {
        cause.device = log.refusing_device;
        cause.error = log.refusing_device_errno;
    }
    if (cause.device.empty() && log.woke_early && cause.detail.empty()) {
        cause.detail = "a wake-up event came on the way down";
        cause.error = EBUSY;
    }
    if (cause.error == 0 && log.xen_errno != 0) {
        cause.error = log.xen_errno;
    }
}

void name_cause(CycleReport& report, const StatsChange& stats) {
    if (report.outcome != "aborted" || stats.error == 0) {
        return;
    }
    ReportCause& cause = cause_of(report);
    if (cause.device.empty()) {
        cause.device = stats.device;
    }
    if (cause.error == 0) {
        cause.error = stats.error;
    }
    if (cause.phase.empty()) {
        cause.phase = stats.step == "freeze" ? "freeze_tasks" : stats.step;
    }
}

/// S3 is left by way of firmware: a machine that returns at once has not been there (q35's second
/// S3 in QEMU). The RTC that counts the sleep is good to a second, so a short sleep can look alike;
/// what cannot is a machine whose ACPI registers are gone, or that said so itself.
void doubt_sleep(CycleReport& report, const KmsgFacts& log, const Evidence& evidence) {
    if (report.kind != "s3" || report.outcome != "resumed") {
        return;
    }
    const bool gone = evidence.before.acpi_gone.value_or(false);
    if (!gone && evidence.after.acpi_gone.value_or(false)) {
        report.checks.push_back({"acpi-registers", "warning",
                                 "they read all ones since this sleep: the next S3 will return at "
                                 "once without one"});
    }
    // The RTC that the kernel counts the sleep by may tick in between: a second is no proof then.
    constexpr int64_t kRtcTickNs = 1'500'000'000;
    if (change_between(evidence.before.clocks, evidence.after.clocks).slept_ns >
        (gone ? kRtcTickNs : kClockNoiseNs)) {
        return;
    }
    if (gone || !log.hardware_error.empty()) {
        report.outcome = "aborted";
        ReportCause& cause = cause_of(report);
        cause.phase = "enter";
        cause.detail = "the machine returned at once, it did not sleep: " +
                       (gone ? "its ACPI registers read all ones" : log.hardware_error);
        return;
    }
    report.confidence = "low";
    report.checks.push_back(
        {"slept", "inconclusive", "no clock shows a sleep: shorter than a second, or none at all"});
}

void add_identity(CycleReport& report, const Evidence& evidence) {
    const Snapshot& before = evidence.before;
    const Snapshot& after = evidence.after;
    const auto change = [&](const char* what, const auto& from, const auto& to) {
        if (from && to && *from != *to) {
            report.changed.push_back({what, std::to_string(*from), std::to_string(*to)});
        }
    };
    if (before.xen && after.xen) {
        change("domid", before.xen->domid, after.xen->domid);
        change("incarnation", before.xen->incarnation, after.xen->incarnation);
    }
    const bool by_cpuid = before.xen && before.xen->domid && after.xen && after.xen->domid;
    if (!by_cpuid && before.store_domid && after.store_domid &&
        *before.store_domid != *after.store_domid) {
        report.changed.push_back({"domid", *before.store_domid, *after.store_domid});
    }
    if (evidence.forked) {
        report.changed.push_back({"vm generation", "old", "new"});
    }
}

void add_clocks(CycleReport& report, const Evidence& evidence) {
    const ClockChange clocks = change_between(evidence.before.clocks, evidence.after.clocks);
    if (clocks.slept_ns > kClockNoiseNs) {
        report.changed.push_back({"time asleep", "0.000 s", seconds(clocks.slept_ns)});
    }
    if (std::llabs(clocks.step_ns) > kClockNoiseNs) {
        report.changed.push_back({"wall clock set by", "0.000 s", seconds(clocks.step_ns)});
    }
    if (const auto lost = lost_time_ns(evidence.before, evidence.after)) {
        report.checks.push_back({"wall-clock", "warning", "behind by " + seconds(*lost)});
    } else if (evidence.after.reference) {
        report.checks.push_back({"wall-clock", "ok", ""});
    }
}

void weigh(CycleReport& report, const StatsChange& stats, size_t reports) {
    if (reports != 1) {
        return;
    }
    const bool resumed = report.outcome == "resumed";
    if ((resumed && stats.failures > 0 && stats.successes == 0) ||
        (report.outcome == "aborted" && stats.successes > 0 && stats.failures == 0 &&
         (!report.cause || report.cause->phase != "enter"))) {
        report.confidence = "low";
        report.checks.push_back({"suspend-stats", "warning", "the kernel counted it otherwise"});
    }
}

/// The steps say what happened; that every device did as it must is not known then.
void miss_devices(CycleReport& report) {
    for (auto& check : report.checks) {
        if (check.id == "oracle" && check.status == "ok") {
            check.status = "inconclusive";
            check.detail =
                "devices' callbacks came faster than they could be read, or cannot be put in order";
        }
    }
}

}  // namespace

bool Evidence::has_suspend() const {
    for (const auto& log : kmsg) {
        if (log.any()) {
            return true;
        }
    }
    return trace.find("suspend_resume: ") != std::string::npos;
}

std::vector<CycleReport> judge(const Evidence& evidence, const Classifier& classify) {
    if (!evidence.has_suspend()) {
        return {};
    }
    std::vector<CycleReport> reports = classify(evidence.trace);
    while (reports.size() < evidence.kmsg.size() && evidence.kmsg[reports.size()].any()) {
        reports.push_back(report_of(evidence.kmsg[reports.size()], evidence));
    }
    if (evidence.devices_cut) {
        for (auto& report : reports) {
            miss_devices(report);
        }
    }
    const StatsChange stats = change_between(evidence.before.stats, evidence.after.stats);
    const bool paired = evidence.kmsg.size() == reports.size();
    for (size_t i = 0; i < reports.size(); ++i) {
        CycleReport& report = reports[i];
        const bool last = i + 1 == reports.size();
        if (paired) {
            name_kind(report, evidence.kmsg[i]);
            name_cause(report, evidence.kmsg[i]);
        }
        // What ended before the agent was there cannot be compared with what it found.
        const bool missed = report.begin_boot_ns != 0 &&
                            report.begin_boot_ns < static_cast<uint64_t>(evidence.since_boot_ns);
        if (reports.size() == 1 && !missed) {
            name_cause(report, stats);
            doubt_sleep(report, paired ? evidence.kmsg[0] : KmsgFacts{}, evidence);
        }
        weigh(report, stats, reports.size());
        if (missed) {
            report.confidence = "medium";
            report.checks.push_back(
                {"seen", "inconclusive", "the agent was not running; the kernel kept the trace"});
        } else if (last) {  // what differs is seen once, after the last of them
            add_identity(report, evidence);
            add_clocks(report, evidence);
        }
        if (evidence.trace_cut) {
            report.confidence = "low";
            report.checks.push_back({"trace", "inconclusive", "more events than are kept"});
        }
    }
    return reports;
}

}  // namespace resume::agent
