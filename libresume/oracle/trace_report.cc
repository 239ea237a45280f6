#include "libresume/oracle/trace_report.h"

#include <cerrno>
#include <map>

#include "libresume/oracle/scene.h"
#include "libresume/result.h"

namespace resume::oracle {
namespace {

/// The nearest errno of an error of the core: what a report's reader knows.
int errno_of(Errc code) {
    switch (code) {
        case Errc::none:
            return 0;
        case Errc::refused:
        case Errc::called_off:
        case Errc::busy:
            return EBUSY;
        case Errc::timed_out:
            return ETIMEDOUT;
        case Errc::invalid:
        case Errc::malformed:
            return EINVAL;
        case Errc::cycle:
            return ELOOP;
        case Errc::no_space:
            return ENOSPC;
        case Errc::not_found:
            return ENOENT;
        case Errc::exists:
            return EEXIST;
        case Errc::again:
            return EAGAIN;
        case Errc::denied:
            return EACCES;
        case Errc::gone:
            return ENODEV;
        case Errc::unsupported:
            return ENOSYS;
        case Errc::hypercall:
        case Errc::io:
            break;
    }
    return EIO;
}

/// What the event itself says, if that is an errno, else what its code stands for.
int error_of(const TraceEvent& event) {
    const auto detail = static_cast<int32_t>(event.arg64 & 0xffffffff);
    if (detail < 0 && detail > -4096) {
        return -detail;
    }
    if (detail > 0 && detail < 4096) {
        return detail;
    }
    return errno_of(static_cast<Errc>(event.status));
}

class Builder {
  public:
    Builder(const TraceView& view, std::string prefix) : view_{view}, prefix_{std::move(prefix)} {}

    void see(const TraceEvent& event) {
        if (event.kind == EventKind::cycle_begin) {
            begin(event);
        } else if (!reports_.empty() && open_) {
            see_inside(event);
        }
    }

    [[nodiscard]] std::vector<CycleReport> take() { return std::move(reports_); }

  private:
    void begin(const TraceEvent& event) {
        CycleReport report;
        report.id = prefix_ + std::to_string(event.arg32);
        report.kind = name_of(static_cast<Kind>(event.status));
        report.begin_boot_ns = to_ns(view_, event.ticks);
        report.confidence = "low";  // until it is seen to end
        reports_.push_back(std::move(report));
        open_ = true;
        hooks_.clear();
    }

    void see_inside(const TraceEvent& event) {
        CycleReport& report = reports_.back();
        const uint64_t now = to_ns(view_, event.ticks);
        switch (event.kind) {
            case EventKind::step_begin:
                report.steps.push_back({name_of(static_cast<Step>(event.arg32)), now, {}});
                break;
            case EventKind::step_end:
                end_step(report, event, now);
                break;
            case EventKind::hook_begin:
                begin_hook(report, event, now);
                break;
            case EventKind::hook_end:
                end_hook(report, event, now);
                break;
            case EventKind::abort_requested:
                set_cause(report, {{}, {}, {}, EBUSY, "called off"});
                break;
            case EventKind::evidence:
                if (event.arg32 != static_cast<uint32_t>(DomainEvidence::unknown)) {
                    report.sources.push_back(
                        {std::string{"evidence of "} + name_of(event.witness), true,
                         std::string{name_of(static_cast<DomainEvidence>(event.arg32))} +
                             " domain"});
                }
                break;
            case EventKind::cycle_end:
                report.outcome = name_of(static_cast<Outcome>(event.status));
                report.duration_ns = now - report.begin_boot_ns;
                report.confidence = "high";
                if (event.status != static_cast<int32_t>(Outcome::aborted)) {
                    report.cause.reset();
                }
                open_ = false;
                break;
            default:
                break;
        }
    }

    static void set_cause(CycleReport& report, ReportCause cause) {
        if (!report.cause) {
            report.cause = std::move(cause);
        }
    }

    static void end_step(CycleReport& report, const TraceEvent& event, uint64_t now) {
        const auto step = static_cast<Step>(event.arg32);
        if (!report.steps.empty() && report.steps.back().name == name_of(step)) {
            report.steps.back().end_ns = now;
        }
        if (event.status != 0 && !is_up(step)) {
            const auto code = static_cast<Errc>(event.status);
            set_cause(report, {name_of(step), {}, {}, errno_of(code), name_of(code)});
        }
    }

    void begin_hook(CycleReport& report, const TraceEvent& event, uint64_t now) {
        const auto found = view_.devices.find(event.device);
        const bool has_parent = found != view_.devices.end() && found->second.parent != kNoDevice;
        hooks_[{event.device, event.phase}] = report.devices.size();
        report.devices.push_back(
            {view_.device_name(event.device),
             has_parent ? view_.device_name(found->second.parent) : std::string{},
             name_of(event.phase),
             now,
             {},
             0});
    }

    void end_hook(CycleReport& report, const TraceEvent& event, uint64_t now) {
        const auto found = hooks_.find({event.device, event.phase});
        if (found == hooks_.end()) {
            return;
        }
        ReportDevice& device = report.devices[found->second];
        device.end_ns = now;
        if (event.status == 0) {
            return;
        }
        device.status = -error_of(event);
        if (!is_up(event.phase)) {
            set_cause(report, {name_of(event.phase),
                               device.name,
                               {},
                               error_of(event),
                               name_of(static_cast<Errc>(event.status))});
        }
    }

    const TraceView& view_;
    std::string prefix_;
    std::vector<CycleReport> reports_;
    std::map<std::pair<DeviceId, Phase>, size_t> hooks_;
    bool open_ = false;
};

void add_verdict(const TraceView& view, const Verdict& verdict,
                 const std::vector<uint32_t>& numbers, std::vector<CycleReport>& reports) {
    for (const Violation& violation : verdict.violations) {
        size_t at = 0;
        for (size_t i = 0; i < numbers.size(); ++i) {
            at = numbers[i] == violation.cycle ? i : at;
        }
        reports[at].violations.push_back(
            {violation.id, violation.detail, violation.device, to_ns(view, violation.ticks)});
    }
    for (CycleReport& report : reports) {
        const bool open = !verdict.inconclusive.empty();
        report.checks.push_back({"oracle",
                                 !report.violations.empty() ? "failed"
                                 : open                     ? "inconclusive"
                                                            : "ok",
                                 open ? verdict.inconclusive
                                      : std::to_string(report.violations.size()) + " violations"});
        report.sources.push_back({"libresume-trace", true, "guest " + view.guest});
    }
}

}  // namespace

std::vector<CycleReport> reports_of(const TraceView& view, const Verdict& verdict,
                                    const std::string& prefix) {
    Builder builder{view, prefix};
    std::vector<uint32_t> numbers;
    for (const TraceEvent& event : view.events) {
        if (event.kind == EventKind::cycle_begin) {
            numbers.push_back(event.arg32);
        }
        builder.see(event);
    }
    std::vector<CycleReport> reports = builder.take();
    if (reports.empty()) {
        CycleReport empty;
        empty.id = prefix + "0";
        empty.kind = "unknown";
        empty.confidence = "low";
        reports.push_back(std::move(empty));
    }
    add_verdict(view, verdict, numbers, reports);
    return reports;
}

}  // namespace resume::oracle
