#include "agent/observe/ftrace_rules.h"

#include <algorithm>
#include <map>
#include <set>

#include "agent/observe/classify.h"
#include "agent/observe/ftrace_order.h"
#include "agent/observe/pm_event.h"

namespace resume::agent {
namespace {

using oracle::CycleReport;

bool starts_with(std::string_view text, std::string_view with) {
    return text.substr(0, with.size()) == with;
}

/// Buses, types and classes have both halves of a pair; single drivers need not.
enum class Pairing : uint8_t { none, sleep_only, always };

Pairing pairing_of(const std::string& stage) {
    std::string_view rest = stage;
    for (const std::string_view word : {"noirq ", "late ", "early "}) {
        if (starts_with(rest, word)) {
            rest.remove_prefix(word.size());
        }
    }
    if (rest == "bus") {
        return Pairing::always;
    }
    // input devices are frozen and never thawed: input_dev_pm_ops has no thaw.
    return rest == "class" || rest == "type" ? Pairing::sleep_only : Pairing::none;
}

class KernelRules {
  public:
    KernelRules(const KernelCycle& cycle, CycleReport& report) : cycle_{cycle}, report_{report} {}

    void run() {
        find_ambiguous();
        check_spans();
        check_places();
        check_pairs();
        check_prepared();
        check_events();
        check_order(cycle_, ambiguous_, report_);
        warn();
    }

  private:
    void violate(const char* id, std::string detail, const Callback& callback) {
        violate(id, std::move(detail), device_name(cycle_.name(callback.device)),
                callback.begin_ns);
    }

    void violate(const char* id, std::string detail, std::string device, uint64_t at) {
        if (report_.violations.size() < 1000) {
            report_.violations.push_back({id, std::move(detail), std::move(device), at});
        }
    }

    [[nodiscard]] const std::string& phase_of(const Callback& callback) const {
        static const std::string none;
        return callback.span == kNoSpan ? none : cycle_.action(cycle_.spans[callback.span]);
    }

    /// Two devices may share driver and name; nothing can be said of either.
    void find_ambiguous() {
        std::set<uint32_t> prepared;
        for (const Callback& callback : cycle_.callbacks) {
            if (phase_of(callback) == "dpm_prepare" && callback.error != -11 &&
                !prepared.insert(callback.device).second &&
                cycle_.find("dpm_prepare") == cycle_.last("dpm_prepare")) {
                ambiguous_.insert(callback.device);
            }
        }
    }

    /// Steps are undone, and tasks thawed at the end.
    void check_spans() {
        for (const Span& span : cycle_.spans) {
            const std::string& action = cycle_.action(span);
            const std::string_view mirror = mirror_phase(action);
            if (!span.ended && (starts_with(action, "dpm_") || starts_with(action, "syscore"))) {
                violate("P3", action + " never ended", {}, span.begin_ns);
            }
            const bool failing_syscore =
                action == "syscore_suspend" && report_.outcome == "aborted";
            if ((is_down_phase(action) || action == "syscore_suspend") && !failing_syscore &&
                !cycle_.has(mirror)) {
                violate("P5", action + " was never undone by " + std::string{mirror}, {},
                        span.begin_ns);
            }
            // Where prepare failed, nothing was suspended and dpm_resume runs all the same.
            const bool of_prepare = action == "dpm_resume" && report_.outcome == "aborted";
            if (is_up_phase(action) && !of_prepare && !cycle_.has(mirror)) {
                violate("P5", action + " without " + std::string{mirror}, {}, span.begin_ns);
            }
        }
        check_hidden_steps();
        if (!cycle_.thawed && cycle_.has("dpm_prepare")) {
            violate("F2", "tasks were frozen and never thawed", {}, report_.begin_boot_ns);
        }
        if (cycle_.unmatched_ends != 0) {
            violate("P3", std::to_string(cycle_.unmatched_ends) + " ends of what never began", {},
                    report_.begin_boot_ns);
        }
    }

    /// What comes in pairs without being a phase of devices.
    void check_hidden_steps() {
        if (cycle_.has("syscore_resume") && !cycle_.has("syscore_suspend")) {
            violate("P5", "syscore_resume without syscore_suspend", {}, report_.begin_boot_ns);
        }
        if (cycle_.has("suspend_enter") && cycle_.has("dpm_prepare") &&
            !cycle_.has("freeze_processes")) {
            violate("P5", "devices went down and tasks were not frozen", {}, report_.begin_boot_ns);
        }
        std::map<uint32_t, int> cpus_off;
        for (const Span& span : cycle_.spans) {
            const std::string& action = cycle_.action(span);
            cpus_off[span.value] += action == "CPU_OFF" ? 1 : action == "CPU_ON" ? -1 : 0;
        }
        for (const auto& [cpu, off] : cpus_off) {
            if (off > 0) {
                violate("P5", "CPU " + std::to_string(cpu) + " was taken down and not brought up",
                        {}, report_.begin_boot_ns);
            }
        }
    }

    /// Each hook in its phase.
    void check_places() {
        const Span* down = cycle_.find("syscore_suspend");
        const Span* up = cycle_.find("syscore_resume");
        for (const Callback& callback : cycle_.callbacks) {
            const bool below =
                down != nullptr && callback.begin_order > down->begin_order &&
                (up == nullptr || !up->ended || callback.begin_order < up->end_order);
            if (below) {
                violate("L7", "a device's hook ran while system devices were down", callback);
            } else if (callback.span == kNoSpan) {
                violate("P6", "a device's hook ran outside of every phase", callback);
            } else if (callback.started) {
                check_stage(callback);
            }
            if (!callback.ended) {
                violate("P3", "a hook never ended", callback);
            } else if (callback.span != kNoSpan &&
                       callback.end_order > cycle_.spans[callback.span].end_order) {
                violate("P6", "a hook ended after its phase " + phase_of(callback), callback);
            }
        }
    }

    void check_stage(const Callback& callback) {
        const std::string& stage = cycle_.name(callback.stage);
        const std::string& phase = phase_of(callback);
        constexpr std::string_view kStages[][3] = {
            {"noirq ", "dpm_suspend_noirq", "dpm_resume_noirq"},
            {"late ", "dpm_suspend_late", "dpm_suspend_late"},
            {"early ", "dpm_resume_early", "dpm_resume_early"}};
        for (const auto& [word, down, up] : kStages) {
            const bool is_one = starts_with(stage, word);
            if (is_one && phase != down && phase != up) {
                violate("P6", "a " + std::string{word} + "hook ran in " + phase, callback);
            }
        }
        const Span& span = cycle_.spans[callback.span];
        const std::string_view verb = verb_of(span.value);
        if (!verb.empty() && verb != cycle_.name(callback.verb)) {
            violate("F4",
                    "was told " + cycle_.name(callback.verb) + " in " + phase + "[" +
                        std::to_string(span.value) + "]",
                    callback);
        }
    }

    using Key = std::pair<uint32_t, std::string>;  ///< device, phase

    /// A device comes up exactly where it went down.
    void check_pairs() {
        std::map<Key, const Callback*> seen;
        for (const Callback& callback : cycle_.callbacks) {
            if (callback.span == kNoSpan || ambiguous_.count(callback.device) != 0) {
                continue;
            }
            const std::string& phase = phase_of(callback);
            const auto [at, first] = seen.insert({{callback.device, phase}, &callback});
            if (!first && at->second->span == callback.span && at->second->error == 0) {
                violate("P4", "its hook of " + phase + " ran twice", callback);
            }
            at->second = &callback;
        }
        for (const auto& [key, callback] : seen) {
            check_pair(seen, key.second, *callback);
        }
    }

    void check_pair(const std::map<Key, const Callback*>& seen, const std::string& phase,
                    const Callback& callback) {
        if (phase == "dpm_prepare" || phase == "dpm_complete") {
            return;
        }
        const std::string other{mirror_phase(phase)};
        const auto found = seen.find({callback.device, other});
        const bool is_pair = paired(callback, phase);
        if (is_up_phase(phase)) {
            if (found != seen.end() && found->second->error < 0) {
                violate("P4", phase + " ran though " + other + " had failed", callback);
            } else if (found == seen.end() && is_pair) {
                violate("P4", phase + " ran without " + other, callback);
            }
        } else if (found == seen.end() && is_pair && callback.ended && callback.error == 0 &&
                   cycle_.has(other)) {
            violate("P4", other + " is missing though " + phase + " succeeded", callback);
        }
    }

    [[nodiscard]] bool paired(const Callback& callback, const std::string& phase) const {
        const uint32_t event = cycle_.spans[callback.span].value;
        const Pairing pairing = pairing_of(cycle_.name(callback.stage));
        if (pairing == Pairing::none || phase == "dpm_suspend_late" ||
            phase == "dpm_resume_early") {
            return pairing == Pairing::always && (event == kPmSuspend || event == kPmResume);
        }
        if (pairing == Pairing::sleep_only) {
            const Span* up = cycle_.last("dpm_resume");
            const uint32_t way_up = up == nullptr ? 0 : up->value;
            return way_up == kPmResume || way_up == kPmRestore;
        }
        if (event == kPmRestore && is_up_phase(phase) &&
            starts_with(device_name(cycle_.name(callback.device)), "serio")) {
            return false;  // serio_pm_ops has a restore and neither freeze nor thaw
        }
        return event != kPmHibernate && event != kPmQuiesce;
    }

    /// Every prepared device gets complete; nothing else gets a hook. Old kernels print these two
    /// only for devices that have such a hook, with the stage it comes from: nothing to compare.
    void check_prepared() {
        std::map<uint32_t, const Callback*> prepared;
        std::set<uint32_t> completed;
        for (const Callback& callback : cycle_.callbacks) {
            const std::string& phase = phase_of(callback);
            const bool old_kernel = !cycle_.name(callback.stage).empty();
            if (old_kernel && (phase == "dpm_prepare" || phase == "dpm_complete")) {
                return;
            }
            if (phase == "dpm_prepare" && callback.error >= 0) {
                prepared[callback.device] = &callback;
            } else if (phase == "dpm_complete") {
                completed.insert(callback.device);
            }
        }
        const bool has_complete = cycle_.has("dpm_complete");
        for (const auto& [device, callback] : prepared) {
            if (has_complete && completed.count(device) == 0 && ambiguous_.count(device) == 0 &&
                !gone_with_cpu(*callback)) {
                violate("P14", "was prepared and never completed", *callback);
            }
        }
        std::set<uint32_t> told;
        for (const Callback& callback : cycle_.callbacks) {
            const std::string& phase = phase_of(callback);
            if (prepared.count(callback.device) == 0 && phase != "dpm_prepare" &&
                callback.started && told.insert(callback.device).second) {
                violate("P10", "has a hook in " + phase + " and was never prepared", callback);
            }
        }
    }

    /// Taking a CPU down unregisters its devices: machinecheck1, msr1, its caches.
    [[nodiscard]] bool gone_with_cpu(const Callback& callback) const {
        for (const Span& span : cycle_.spans) {
            if (cycle_.action(span) != "CPU_OFF") {
                continue;
            }
            const std::string cpu = std::to_string(span.value);
            const auto ends_so = [&cpu](const std::string& text) {
                const size_t at = text.size() - std::min(text.size(), cpu.size());
                return text.substr(at) == cpu && at > 0 &&
                       (text[at - 1] < '0' || text[at - 1] > '9');
            };
            const std::string name = device_name(cycle_.name(callback.device));
            const std::string& parent = cycle_.name(callback.parent);
            if (ends_so(name) || ends_so(parent) || name == "cache" || starts_with(name, "index") ||
                parent == "cache") {
                return true;
            }
        }
        return false;
    }

    /// One way up tells one story.
    void check_events() {
        uint32_t event = 0;
        uint64_t last_end = 0;
        const Span* last = nullptr;
        for (const Span& span : cycle_.spans) {
            const std::string& action = cycle_.action(span);
            if (!starts_with(action, "dpm_") && !starts_with(action, "syscore")) {
                continue;
            }
            if (span.begin_order < last_end) {
                violate("P6", action + " began while " + cycle_.action(*last) + " was running", {},
                        span.begin_ns);
            }
            last_end = std::max(last_end, span.end_order);
            last = &span;
            // What undoes a failed late or noirq phase is its own event (PM_EVENT_RECOVER).
            if (!is_up_phase(action)) {
                event = is_down_phase(action) ? 0 : event;
            } else if (span.value != kPmRecover) {
                if (event != 0 && event != span.value) {
                    violate("F4",
                            action + "[" + std::to_string(span.value) + "] after [" +
                                std::to_string(event) + "]",
                            {}, span.begin_ns);
                }
                event = span.value;
            }
        }
    }

    void warn() {
        for (const Callback& callback : cycle_.callbacks) {
            if (callback.error < 0 && is_up_phase(phase_of(callback))) {
                report_.checks.push_back(
                    {"P13", "warning",
                     device_name(cycle_.name(callback.device)) +
                         " failed on the way up: " + oracle::errno_name(-callback.error)});
            }
        }
        if (report_.kind == "xen-suspend" && report_.outcome == "aborted" &&
            up_event(cycle_) == kPmRestore) {
            report_.checks.push_back(
                {"L6", "warning",
                 "the suspend was refused, yet devices were told to restore: those that were "
                 "frozen reconnect in the same domain and may be dead"});
        }
    }

    const KernelCycle& cycle_;
    CycleReport& report_;
    std::set<uint32_t> ambiguous_;
};

std::string why_inconclusive(const KernelCycle& cycle, const CycleReport& report) {
    if (cycle.lost) {
        return "the kernel's buffer lost events";
    }
    if (cycle.garbled) {
        return "a line of the trace cannot be read";
    }
    if (cycle.over_limit != 0) {
        return "more events than are kept";
    }
    if (cycle.headless) {
        return "the beginning of the cycle is missing";
    }
    const Span* complete = cycle.last("dpm_complete");
    const bool came_up = complete != nullptr && complete->ended &&
                         (report.kind != "hibernate" || report.outcome == "resumed") &&
                         !cycle.has("thaw_processes");
    const bool notified = report.outcome == "aborted" && !cycle.has("dpm_prepare") &&
                          !cycle.has("freeze_processes") && !cycle.has("thaw_processes");
    if (!cycle.thawed && !came_up && !notified && !cycle.superseded) {
        return "the trace ends in mid-cycle";
    }
    return {};
}

}  // namespace

bool judge_kernel_cycle(const KernelCycle& cycle, CycleReport& report) {
    const std::string inconclusive = why_inconclusive(cycle, report);
    if (inconclusive.empty()) {
        KernelRules{cycle, report}.run();
    }
    const size_t count = report.violations.size();
    report.checks.push_back(
        {"oracle",
         !inconclusive.empty() ? "inconclusive"
         : count != 0          ? "failed"
                               : "ok",
         !inconclusive.empty() ? inconclusive : std::to_string(count) + " violations"});
    return !inconclusive.empty();
}

}  // namespace resume::agent
