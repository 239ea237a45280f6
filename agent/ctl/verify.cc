#include "agent/ctl/verify.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <ostream>

#include "agent/ctl/exit_codes.h"
#include "agent/ctl/lines.h"
#include "agent/observe/classify.h"
#include "agent/observe/ftrace_reader.h"
#include "agent/observe/ftrace_rules.h"
#include "libresume/oracle/judge.h"
#include "libresume/oracle/text_reader.h"
#include "libresume/oracle/trace_report.h"

namespace resume::agent {
namespace {

using oracle::CycleReport;

std::string seconds(uint64_t ns) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6f s", static_cast<double>(ns) / 1e9);
    return text;
}

std::string base_name(const std::string& path) {
    return path == "-" ? "stdin" : path.substr(path.rfind('/') + 1);
}

/// The three devices that took longest, all their hooks together.
std::string slowest(const CycleReport& report) {
    std::vector<std::pair<uint64_t, std::string>> times;
    std::map<std::string, uint64_t> by_name;
    for (const oracle::ReportDevice& device : report.devices) {
        by_name[device.name] +=
            device.end_ns ? *device.end_ns - std::min(device.begin_ns, *device.end_ns) : 0;
    }
    times.reserve(by_name.size());
    for (const auto& [name, ns] : by_name) {
        times.emplace_back(ns, name);
    }
    std::sort(times.rbegin(), times.rend());
    std::string text;
    for (size_t i = 0; i < times.size() && i < 3; ++i) {
        text += (i == 0 ? "" : ", ") + times[i].second + " " + seconds(times[i].first);
    }
    return text;
}

class Verifier {
  public:
    Verifier(const VerifyOptions& options, std::ostream& out, std::ostream& err)
        : options_{options}, out_{out}, err_{err} {}

    void file(const std::string& path) {
        prefix_ = base_name(path) + "#";
        count_ = 0;
        oracle::TextReader ours;
        FtraceReader kernels{[this](KernelCycle&& cycle) { kernel_cycle(cycle); }};
        bool any_ours = false;
        const std::string problem =
            for_each_line(path, [&](std::string_view line, uint64_t number) {
                if (ours.line(line, number)) {
                    any_ours = true;
                } else {
                    kernels.line(line, number);
                }
            });
        if (!problem.empty()) {
            unreadable(path, problem);
            return;
        }
        if (ours.error()) {
            unreadable(path + ":" + std::to_string(ours.error()->line), ours.error()->cause);
            return;
        }
        kernels.finish();
        for (const oracle::TraceView& view : ours.finish()) {
            our_trace(view);
        }
        if (!any_ours && !kernels.saw_anything()) {
            unreadable(path, "no trace in it: neither ours nor the kernel's suspend events");
        } else if (kernels.lost_between()) {
            inconclusive(path, "events were lost after the last cycle");
        } else if (count_ == 0) {
            inconclusive(path, "a trace without a cycle");
        }
    }

    int finish() {
        if (!options_.json) {
            out_ << cycles_ << " cycles: " << cycles_ - violated_ - open_ << " clean, " << violated_
                 << " with violations, " << open_ << " inconclusive\n";
        }
        return unreadable_            ? kExitUnreadable
               : violated_ != 0       ? kExitFinding
               : open_ != 0 || vague_ ? kExitInconclusive
                                      : kExitGood;
    }

  private:
    void unreadable(const std::string& where, const std::string& why) {
        err_ << "resumectl: " << where << ": " << why << '\n';
        unreadable_ = true;
    }

    void inconclusive(const std::string& path, const std::string& why) {
        vague_ = true;
        if (!options_.json) {
            out_ << path << ": inconclusive: " << why << '\n';
            return;
        }
        CycleReport report;
        report.id = prefix_ + std::to_string(++count_);
        report.kind = "unknown";
        report.confidence = "low";
        report.checks.push_back({"oracle", "inconclusive", why});
        out_ << to_line(report) << '\n';
    }

    void kernel_cycle(const KernelCycle& cycle) {
        CycleReport report = classify(cycle, prefix_ + std::to_string(count_ + 1));
        const bool open = judge_kernel_cycle(cycle, report);
        show(report, open);
    }

    void our_trace(const oracle::TraceView& view) {
        const oracle::Verdict verdict = oracle::judge(view);
        for (const CycleReport& report : oracle::reports_of(view, verdict, prefix_)) {
            show(report, !verdict.inconclusive.empty());
        }
    }

    void show(const CycleReport& report, bool open) {
        ++count_;
        ++cycles_;
        if (!report.violations.empty()) {
            ++violated_;
        } else if (open) {
            ++open_;
        }
        if (options_.json) {
            out_ << to_line(report) << '\n';
        } else {
            print(report);
        }
    }

    void print(const CycleReport& report) {
        out_ << report.id << "  " << report.kind << " " << report.outcome << "  (confidence "
             << report.confidence << ", " << seconds(report.duration_ns) << ", "
             << report.devices.size() << " hooks)\n";
        if (report.cause) {
            const oracle::ReportCause& cause = *report.cause;
            out_ << "    stopped in " << cause.phase;
            if (!cause.device.empty()) {
                out_ << " by " << cause.device;
            }
            if (!cause.task.empty()) {
                out_ << ", task " << cause.task;
            }
            if (cause.error != 0) {
                out_ << ": " << oracle::errno_name(cause.error);
            }
            out_ << " (" << cause.detail << ")\n";
        }
        const std::string slow = slowest(report);
        if (!slow.empty()) {
            out_ << "    slowest: " << slow << '\n';
        }
        for (const oracle::ReportSource& source : report.sources) {
            out_ << "    " << source.name << ": " << source.said << '\n';
        }
        for (const oracle::ReportCheck& check : report.checks) {
            if (check.status != "ok") {
                out_ << "    " << check.status << " " << check.id << ": " << check.detail << '\n';
            }
        }
        for (const oracle::ReportViolation& violation : report.violations) {
            out_ << "    VIOLATION " << violation.id
                 << (violation.device.empty() ? "" : " [" + violation.device + "]") << ": "
                 << violation.detail << '\n';
        }
    }

    const VerifyOptions& options_;
    std::ostream& out_;
    std::ostream& err_;
    std::string prefix_;
    uint64_t count_ = 0;
    uint64_t cycles_ = 0;
    uint64_t violated_ = 0;
    uint64_t open_ = 0;
    bool vague_ = false;
    bool unreadable_ = false;
};

}  // namespace

int verify(const VerifyOptions& options, std::ostream& out, std::ostream& err) {
    Verifier verifier{options, out, err};
    for (const std::string& path : options.files) {
        verifier.file(path);
    }
    return verifier.finish();
}

void add_verify_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
    auto options = std::make_shared<VerifyOptions>();
    CLI::App* command = app.add_subcommand(
        "verify",
        "Judge traces of suspends: libresume's own text and the kernel's ftrace text.\n"
        "Exit codes: 0 clean, 1 an invariant was violated, 3 inconclusive, 66 unreadable.");
    command->add_flag("--json", options->json, "One cycle-1 report a line");
    command->add_option("FILE", options->files, "Files to read; - is standard input")->required();
    command->callback(
        [options, &out, &err, &exit_code] { exit_code = verify(*options, out, err); });
}

}  // namespace resume::agent
