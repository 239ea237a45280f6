#include "agent/report/reporter.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "agent/base/log.h"
#include "agent/observe/clocks.h"

namespace resume::agent {

std::string rfc3339(int64_t realtime_ns) {
    const time_t seconds = realtime_ns / 1'000'000'000;
    tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[64];
    const size_t length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, sizeof text - length, ".%03dZ",
             static_cast<int>(realtime_ns / 1'000'000 % 1000));
    return text;
}

std::string one_line(const oracle::CycleReport& report) {
    std::string text = report.kind + " " + report.outcome;
    if (report.cause) {
        const auto& cause = *report.cause;
        text += cause.phase.empty() ? "" : " in " + cause.phase;
        const std::string& who = cause.device.empty() ? cause.task : cause.device;
        text += who.empty() ? "" : ": " + who;
        text += cause.error == 0 ? "" : " (" + oracle::errno_name(cause.error) + ")";
        text += cause.detail.empty() ? "" : ": " + cause.detail;
    }
    char took[40];
    snprintf(took, sizeof took, ", %.3f s", static_cast<double>(report.duration_ns) / 1e9);
    return text + took;
}

Reporter::Reporter(const Root& root, const Config& config, StorePublisher* publisher)
    : config_{config},
      boot_id_{read_line(root("/proc/sys/kernel/random/boot_id"), 64).value_or("no-boot-id")},
      counter_path_{root(config.run_dir) + "/counter"},
      counter_{static_cast<uint64_t>(read_number(counter_path_).value_or(0))},
      log_{root(config.state_dir), static_cast<size_t>(config.log_kib) * 1024},
      journal_{root("/run/systemd/journal/socket")},
      publisher_{publisher} {}

void Reporter::name(oracle::CycleReport& report) {
    uint32_t random = 0;
    [[maybe_unused]] const ssize_t ignored = ::getrandom(&random, sizeof random, GRND_NONBLOCK);
    char tail[40];
    snprintf(tail, sizeof tail, "-%llu-%08x", static_cast<unsigned long long>(++counter_), random);
    report.id = boot_id_ + tail;
    if (const int error = replace_file(counter_path_, std::to_string(counter_) + "\n");
        error != 0) {
        log(LogLevel::warning, "%s", explain("cannot write " + counter_path_, error).c_str());
    }
    if (report.begin_realtime.empty()) {
        const ClockSample now = read_clocks();
        report.begin_realtime =
            rfc3339(now.wall_offset_ns() + static_cast<int64_t>(report.begin_boot_ns));
    }
}

void Reporter::going_down() {
    if (publisher_ != nullptr) {
        publisher_->set("state", "going-down");
    }
}

void Reporter::publish(const oracle::CycleReport& report) {
    ++count_;
    last_line_ = oracle::to_line(report);
    int error = log_.append(last_line_);
    if (error == EFBIG) {
        // Ten thousand devices do not fit; what happened does.
        oracle::CycleReport without = report;
        without.devices.clear();
        without.checks.push_back({"devices", "inconclusive", "left out: the report was too long"});
        error = log_.append(oracle::to_line(without));
    }
    if (error != 0) {
        log(LogLevel::error, "%s", explain("cannot write " + log_.path(), error).c_str());
    }
    const int64_t over_ns = static_cast<int64_t>(report.begin_boot_ns + report.duration_ns);
    const int64_t on_disk_ns = read_clocks().boot_ns - over_ns;
    if (publisher_ != nullptr) {
        publisher_->keep("state", "up");
        publisher_->keep("last", cut_report(last_line_));
        publisher_->publish_all();
    }
    log(LogLevel::debug, "%s: after its end on disk %.3f ms, in xenstore %.3f ms",
        report.id.c_str(), static_cast<double>(on_disk_ns) / 1e6,
        publisher_ == nullptr ? 0.0 : static_cast<double>(read_clocks().boot_ns - over_ns) / 1e6);
    last_line_ = without_devices(last_line_);
    write_journal(report);
    metrics_.add(report.kind, report.outcome,
                 read_clocks().wall_offset_ns() + static_cast<int64_t>(report.begin_boot_ns),
                 static_cast<int64_t>(report.duration_ns));
    write_metrics();
}

void Reporter::write_metrics() const {
    if (config_.metrics_dir.empty()) {
        return;
    }
    if (const int error = metrics_.write(config_.metrics_dir); error != 0) {
        log(LogLevel::warning, "%s",
            explain("cannot write metrics to " + config_.metrics_dir, error).c_str());
    }
}

void Reporter::write_journal(const oracle::CycleReport& report) {
    const bool bad = report.outcome == "aborted" || report.outcome == "unknown";
    const std::string line = one_line(report);
    if (config_.journal) {
        const oracle::ReportCause none;
        const auto& cause = report.cause ? *report.cause : none;
        Journal::Fields fields{
            {"MESSAGE_ID", std::string{kCycleMessageId}},
            {"PRIORITY", bad ? "4" : "6"},
            {"SYSLOG_IDENTIFIER", "resume-agent"},
            {"MESSAGE", line},
            {"LIBRESUME_ID", report.id},
            {"LIBRESUME_KIND", report.kind},
            {"LIBRESUME_OUTCOME", report.outcome},
            {"LIBRESUME_CONFIDENCE", report.confidence},
            {"LIBRESUME_DURATION_USEC", std::to_string(report.duration_ns / 1000)}};
        const std::pair<const char*, const std::string*> named[] = {
            {"LIBRESUME_CAUSE_PHASE", &cause.phase},
            {"LIBRESUME_CAUSE_DEVICE", &cause.device},
            {"LIBRESUME_CAUSE_TASK", &cause.task}};
        for (const auto& [field, value] : named) {
            if (!value->empty()) {
                fields.emplace_back(field, *value);
            }
        }
        if (cause.error != 0) {
            fields.emplace_back("ERRNO", std::to_string(cause.error));
        }
        if (journal_.send(fields) == 0) {
            return;
        }
    }
    log(bad ? LogLevel::warning : LogLevel::info, "%s", line.c_str());
}

}  // namespace resume::agent
