#include "agent/observe/classify.h"

#include <algorithm>
#include <cerrno>

#include "agent/observe/pm_event.h"

namespace resume::agent {
namespace {

using oracle::CycleReport;
using oracle::ReportCause;

enum class Path : uint8_t { unknown, xen, s3, s2idle, hibernate };

struct Found {
    Path path = Path::unknown;
    bool sure = true;
    std::string why;
};

bool starts_with(const std::string& text, std::string_view with) {
    return text.compare(0, with.size(), with) == 0;
}

const std::string& task_of(const KernelCycle& cycle, const Span& span) {
    return cycle.name(span.task);
}

bool driven_by_xenwatch(const KernelCycle& cycle) {
    return std::any_of(cycle.spans.begin(), cycle.spans.end(), [&](const Span& span) {
        return starts_with(task_of(cycle, span), "xenwatch");
    });
}

/// Xen's suspend runs syscore in the stopper thread, everything else in the task that asked.
bool syscore_by_stopper(const KernelCycle& cycle) {
    const Span* syscore = cycle.find("syscore_suspend");
    if (syscore == nullptr) {
        return false;
    }
    const Span* prepare = cycle.find("dpm_prepare");
    return starts_with(task_of(cycle, *syscore), "migratio") ||
           (prepare != nullptr && prepare->pid != syscore->pid);
}

bool has_value(const KernelCycle& cycle, std::string_view prefix, uint32_t value) {
    return std::any_of(cycle.spans.begin(), cycle.spans.end(), [&](const Span& span) {
        return span.value == value && starts_with(cycle.action(span), prefix);
    });
}

Found find_path(const KernelCycle& cycle) {
    if (const Span* enter = cycle.find("suspend_enter")) {
        return enter->value == kSuspendToIdle
                   ? Found{Path::s2idle, true, "suspend_enter[1]"}
                   : Found{Path::s3, true, "suspend_enter[" + std::to_string(enter->value) + "]"};
    }
    if (driven_by_xenwatch(cycle)) {
        return {Path::xen, true, "driven by xenwatch, no suspend_enter"};
    }
    if (has_value(cycle, "machine_suspend", kPmHibernate) ||
        has_value(cycle, "dpm_", kPmHibernate) || has_value(cycle, "dpm_", kPmQuiesce)) {
        return {Path::hibernate, true, "phases of a hibernation"};
    }
    if (const Span* machine = cycle.find("machine_suspend")) {
        return {machine->value == kSuspendToIdle ? Path::s2idle : Path::s3, false,
                "machine_suspend without its beginning"};
    }
    if (syscore_by_stopper(cycle)) {
        return {Path::xen, false, "syscore in the stopper thread, no suspend_enter"};
    }
    if (has_value(cycle, "dpm_", kPmFreeze)) {
        return {Path::hibernate, false, "freeze by a task that is not xenwatch"};
    }
    if (has_value(cycle, "dpm_", kPmSuspend) || cycle.has("freeze_processes")) {
        return {Path::s3, false, "suspend without its beginning"};
    }
    if (const Span* thaw = cycle.find("thaw_processes")) {
        const bool hidden = task_of(cycle, *thaw) == "<...>";
        return {hidden ? Path::xen : Path::hibernate, false,
                "thaw_processes alone by " + task_of(cycle, *thaw)};
    }
    return {};
}

const Callback* first_failure(const KernelCycle& cycle) {
    const Callback* first = nullptr;
    for (const Callback& callback : cycle.callbacks) {
        if (failed_down(cycle, callback) &&
            (first == nullptr || callback.end_order < first->end_order)) {
            first = &callback;
        }
    }
    return first;
}

/// The last step of the way down that was begun.
std::string deepest_step(const KernelCycle& cycle) {
    std::string deepest;
    for (const Span& span : cycle.spans) {
        const std::string& action = cycle.action(span);
        if (is_up_phase(action) || action == "syscore_resume" || action == "thaw_processes") {
            break;
        }
        deepest = step_name(cycle, span);
    }
    return deepest;
}

/// From the end of the last step down to the beginning of the first step up.
uint64_t rest_ns(const KernelCycle& cycle) {
    const Span* down = nullptr;
    for (const Span& span : cycle.spans) {
        const std::string& action = cycle.action(span);
        const bool up = is_up_phase(action) || action == "syscore_resume" ||
                        action == "thaw_processes" || starts_with(action, "CPU_ON");
        if (!up) {
            down = &span;
            continue;
        }
        if (down == nullptr) {
            return 0;
        }
        // The clock may stand still until syscore_resume has run.
        const uint64_t until = action == "syscore_resume" ? span.end_ns : span.begin_ns;
        const uint64_t from = down->ended ? down->end_ns : down->begin_ns;
        return until > from ? until - from : 0;
    }
    return 0;
}

class Classifier {
  public:
    Classifier(const KernelCycle& cycle, CycleReport& report)
        : cycle_{cycle}, report_{report}, path_{find_path(cycle)} {}

    void run() {
        say(path_.why);
        set_kind(path_.path);
        find_outcome();
        if (cycle_.headless || cycle_.lost || cycle_.garbled || cycle_.over_limit != 0 ||
            report_.outcome == "unknown") {
            report_.confidence = "low";
        } else if (!path_.sure || unsure_) {
            report_.confidence = "medium";
        }
        report_.sources.push_back({"ftrace", true, evidence_});
    }

  private:
    void say(const std::string& what) {
        if (!what.empty()) {
            evidence_ += (evidence_.empty() ? "" : "; ") + what;
        }
    }

    void set_kind(Path path) {
        constexpr const char* kNames[] = {"unknown", "xen-suspend", "s3", "s2idle", "hibernate"};
        report_.kind = kNames[static_cast<size_t>(path)];
    }

    void find_outcome() {
        if (const Callback* failure = first_failure(cycle_)) {
            abort_by_device(*failure);
            return;
        }
        if (froze_nothing()) {
            abort_by_freeze();
            return;
        }
        switch (path_.path) {
            case Path::xen:
                xen();
                break;
            case Path::s3:
            case Path::s2idle:
                sleep();
                break;
            case Path::hibernate:
                hibernate();
                break;
            case Path::unknown:
                break;
        }
    }

    void abort(ReportCause cause) {
        report_.outcome = "aborted";
        report_.cause = std::move(cause);
    }

    void abort_by_device(const Callback& failure) {
        const std::string phase = failure.span == kNoSpan
                                      ? std::string{"none"}
                                      : step_name(cycle_, cycle_.spans[failure.span]);
        abort({phase,
               device_name(cycle_.name(failure.device)),
               {},
               -failure.error,
               "the device refused"});
        say("err=" + std::to_string(failure.error) + " of " + cycle_.name(failure.device));
    }

    /// A thaw and no device phase before it, or a freeze that thawed before it ended.
    [[nodiscard]] bool froze_nothing() const {
        const Span* thaw = cycle_.find("thaw_processes");
        if (thaw == nullptr) {
            return false;
        }
        const Span* freeze = cycle_.find("freeze_processes");
        if (freeze != nullptr) {
            return !freeze->ended || freeze->end_order > thaw->begin_order;
        }
        return cycle_.spans.size() == 1 && !cycle_.headless;
    }

    void abort_by_freeze() {
        const bool woken = cycle_.hints.freeze_aborted && !cycle_.hints.freeze_failed;
        abort({"freeze_tasks",
               {},
               cycle_.hints.task,
               EBUSY,
               woken ? "a wake-up called the freeze off" : "a task refused to freeze"});
        say("tasks were thawed and no device was touched");
    }

    void abort_unnamed(const char* detail) {
        abort({deepest_step(cycle_), {}, {}, EBUSY, detail});
        unsure_ = true;
    }

    void xen() {
        const Span* down = cycle_.find("syscore_suspend");
        const Span* up = cycle_.find("syscore_resume");
        const uint32_t event = up_event(cycle_);
        if (down != nullptr && up != nullptr && (event == kPmThaw || event == kPmRestore)) {
            report_.outcome = event == kPmThaw ? "cancelled" : "resumed";
            say("syscore and then [" + std::to_string(event) + "]");
        } else if (cycle_.lost || cycle_.garbled || cycle_.over_limit != 0) {
            xen_with_gaps();
        } else if (event != 0 || (cycle_.thawed && !cycle_.headless)) {
            abort_unnamed(down == nullptr ? "called off before the hypercall"
                                          : "a system device refused");
            say("no syscore_resume before the way up");
        }
    }

    /// What is not in a trace with gaps is no sign of anything. Devices are only woken as after the
    /// hypercall where it was got to, or a system device refused, which the kernel's log says.
    void xen_with_gaps() {
        const Span* woken = cycle_.find("dpm_resume_noirq");
        if (woken != nullptr && (woken->value == kPmThaw || woken->value == kPmRestore)) {
            report_.outcome = woken->value == kPmThaw ? "cancelled" : "resumed";
            say("events are missing; dpm_resume_noirq[" + std::to_string(woken->value) + "]");
        }
    }

    void sleep() {
        const Span* machine = cycle_.find("machine_suspend");
        if (machine != nullptr) {
            if (machine->ended) {
                report_.outcome = "resumed";
                say("the state was entered and left");
            }
        } else if (cycle_.thawed || up_event(cycle_) != 0) {
            pm_test_or_called_off();
        } else if (cycle_.find("sync_filesystems") != nullptr &&
                   cycle_.find("sync_filesystems")->ended && cycle_.spans.size() == 2) {
            abort({"prepare", {}, {}, 0, "a notifier refused"});
            unsure_ = true;
            say("nothing after sync_filesystems");
        }
    }

    /// The level was reached and left without entering the state: asked for, or a wake-up.
    void pm_test_or_called_off() {
        constexpr uint64_t kWait = 900'000'000;
        const std::string level = pm_test_level();
        const bool waited = cycle_.hints.pm_test || rest_ns(cycle_) >= kWait;
        if (waited || level == "freezer" || level == "processors") {
            set_kind_pm_test(level);
            return;
        }
        // With its wait set to 0 a test leaves no trace of its own; a wake-up stops the devices
        // half-way, which shows where something below a parent that went down stayed up.
        unsure_ = true;
        if (stopped_half_way()) {
            abort_unnamed("called off by a wake-up");
            say("some devices were never reached");
        } else {
            set_kind_pm_test(level);
        }
    }

    void set_kind_pm_test(const std::string& level) {
        report_.kind = name_of(Kind::pm_test);
        report_.outcome = "resumed";
        say("level " + level + " was reached and left");
    }

    [[nodiscard]] std::string pm_test_level() const {
        if (cycle_.has("syscore_suspend")) {
            return "core";
        }
        if (cycle_.has("CPU_OFF")) {
            return "processors";
        }
        if (cycle_.has("dpm_suspend_noirq")) {
            return "platform";
        }
        return cycle_.has("dpm_suspend") ? "devices" : "freezer";
    }

    /// Among the children of one parent, the last registered go down first: a gap is no sign, but
    /// a phase that touched nothing while prepare knew devices is.
    [[nodiscard]] bool stopped_half_way() const {
        const Span* suspend = cycle_.find("dpm_suspend");
        if (suspend == nullptr) {
            return false;
        }
        const auto touched = [&](const Callback& callback) {
            return callback.span != kNoSpan && &cycle_.spans[callback.span] == suspend;
        };
        return !cycle_.callbacks.empty() &&
               std::none_of(cycle_.callbacks.begin(), cycle_.callbacks.end(), touched);
    }

    void hibernate() {
        const bool image = has_value(cycle_, "machine_suspend", kPmHibernate);
        if (image && has_value(cycle_, "dpm_resume", kPmRestore)) {
            report_.outcome = "resumed";
            say("machine_suspend[4] and then [64]: back from the image");
        } else if (!image && cycle_.thawed && cycle_.has("dpm_prepare")) {
            if (rest_ns(cycle_) >= 900'000'000 || cycle_.hints.pm_test) {
                set_kind_pm_test(pm_test_level());
            } else {
                abort_unnamed("called off before the image was made");
            }
        } else if (cycle_.thawed) {
            abort({"enter", {}, {}, 0, "the image was made, the machine never left"});
            say("the image-writing half alone");
            unsure_ = true;
        }
    }

    const KernelCycle& cycle_;
    CycleReport& report_;
    Found path_;
    std::string evidence_;
    bool unsure_ = false;
};

void fill_times(const KernelCycle& cycle, CycleReport& report) {
    uint64_t first = UINT64_MAX;
    uint64_t last = 0;
    for (const Span& span : cycle.spans) {
        first = std::min(first, span.begin_ns);
        last = std::max({last, span.begin_ns, span.end_ns});
        report.steps.push_back({step_name(cycle, span), span.begin_ns,
                                span.ended ? std::optional{span.end_ns} : std::nullopt});
    }
    for (const Callback& callback : cycle.callbacks) {
        first = std::min(first, callback.begin_ns);
        last = std::max({last, callback.begin_ns, callback.end_ns});
        const std::string& parent = cycle.name(callback.parent);
        report.devices.push_back(
            {device_name(cycle.name(callback.device)), parent == "none" ? std::string{} : parent,
             callback.span == kNoSpan ? "none" : step_name(cycle, cycle.spans[callback.span]),
             callback.begin_ns, callback.ended ? std::optional{callback.end_ns} : std::nullopt,
             callback.error});
    }
    report.begin_boot_ns = first == UINT64_MAX ? 0 : first;
    report.duration_ns = last > report.begin_boot_ns ? last - report.begin_boot_ns : 0;
}

}  // namespace

std::string step_name(const KernelCycle& cycle, const Span& span) {
    const std::string& action = cycle.action(span);
    if (action == "freeze_processes") {
        return "freeze_tasks";
    }
    if (action == "thaw_processes") {
        return "thaw_tasks";
    }
    if (action == "machine_suspend") {
        return "enter";
    }
    if (action.compare(0, 4, "dpm_") == 0) {
        return action.substr(4);
    }
    return action == "CPU_OFF" || action == "CPU_ON" ? action + " " + std::to_string(span.value)
                                                     : action;
}

bool failed_down(const KernelCycle& cycle, const Callback& callback) {
    if (callback.error >= 0 || callback.span == kNoSpan) {
        return false;
    }
    const std::string& phase = cycle.action(cycle.spans[callback.span]);
    return is_down_phase(phase) && !(phase == "dpm_prepare" && callback.error == -EAGAIN);
}

uint32_t up_event(const KernelCycle& cycle) {
    for (size_t i = cycle.spans.size(); i > 0; --i) {
        if (is_up_phase(cycle.action(cycle.spans[i - 1]))) {
            return cycle.spans[i - 1].value;
        }
    }
    return 0;
}

oracle::CycleReport classify(const KernelCycle& cycle, const std::string& id) {
    CycleReport report;
    report.id = id;
    Classifier{cycle, report}.run();
    fill_times(cycle, report);
    return report;
}

}  // namespace resume::agent
