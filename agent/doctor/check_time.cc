// Clock source, freeze budget, a left-over pm_test, the feature nodes.
#include <string>

#include "agent/doctor/checks.h"

namespace resume::agent::doctor {
namespace {

constexpr long long kHostBudgetMs = 60000;  // libxl's wait for a suspend (libxl_dom_suspend.c)
constexpr const char* kClock = "/sys/devices/system/clocksource/clocksource0/";
constexpr uint32_t kXenTimeLeaf = 3;  // Xen: arch-x86/cpuid.h, leaf base + 3
constexpr uint32_t kTscEmulated = 1;  // its EAX bit 0

bool xen_emulates_tsc(const Context& context) {
    const uint32_t base = context.platform.hypervisor_base;
    return context.cpuid && base != 0 &&
           (context.cpuid(base + kXenTimeLeaf, 0).eax & kTscEmulated) != 0;
}

}  // namespace

void check_clocksource(const Context& context, std::vector<Finding>& findings) {
    const std::string current = context.root.line(std::string{kClock} + "current_clocksource");
    const std::string available = context.root.line(std::string{kClock} + "available_clocksource");
    Finding finding =
        fine("clocksource", current + " (available: " + std::string{trim(available)} + ")");
    const bool paravirtual = available.find("xen") != std::string::npos ||
                             available.find("kvm-clock") != std::string::npos;
    if (current.empty()) {
        finding.verdict = Verdict::unknown;
        finding.evidence = std::string{kClock} + "current_clocksource cannot be read";
    } else if (is_xen_guest(context.platform.platform) && current == "tsc") {
        if (xen_emulates_tsc(context)) {
            finding.evidence += "; Xen emulates the TSC, so its rate stays the same on every host";
        } else {
            finding.verdict = Verdict::warning;
            finding.evidence += "; the TSC's rate is the host's, and the next host's may differ";
            finding.advice = {"echo xen > " + std::string{kClock} + "current_clocksource"};
            finding.sources = {"xen: docs/man/xen-tscmode.7"};
        }
    } else if (paravirtual && (current == "jiffies" || current == "acpi_pm" || current == "hpet")) {
        finding.verdict = Verdict::warning;
        finding.evidence += "; the hypervisor's own clock is there and not used";
        finding.advice = {"look in the kernel's log why it was given up"};
    }
    findings.push_back(std::move(finding));
}

// The request is acknowledged before tasks are frozen and cannot be withdrawn: a guest that needs
// longer than its host waits goes down after the host gave up, and stays down.
void check_freeze_budget(const Context& context, std::vector<Finding>& findings) {
    const auto timeout = context.root.number("/sys/power/pm_freeze_timeout");
    if (!timeout) {
        findings.push_back(
            fine("freeze-budget", "this kernel has no /sys/power/pm_freeze_timeout"));
        return;
    }
    Finding finding = fine("freeze-budget", "tasks get " + std::to_string(*timeout) +
                                                " ms to freeze; a Xen host waits " +
                                                std::to_string(kHostBudgetMs) + " ms");
    if (is_xen_guest(context.platform.platform) && *timeout >= kHostBudgetMs) {
        finding.verdict = Verdict::warning;
        finding.advice = {"echo 20000 > /sys/power/pm_freeze_timeout",
                          "find who raises it (xe-daemon sets 300000 at its start)"};
        finding.sources = {"libxl_dom_suspend.c: suspend_common_wait_guest",
                           "xe-guest-utilities: xe-daemon.go"};
    }
    findings.push_back(std::move(finding));
}

void check_pm_test(const Context& context, std::vector<Finding>& findings) {
    const std::string levels = context.root.line("/sys/power/pm_test");
    Finding finding = fine(
        "pm-test", levels.empty() ? "this kernel has no /sys/power/pm_test" : "pm_test: " + levels);
    if (!levels.empty() && levels.find("[none]") == std::string::npos) {
        finding.verdict = Verdict::warning;
        finding.evidence += ": a test level was left set, so a suspend only pretends";
        finding.advice = {"echo none > /sys/power/pm_test"};
        finding.sources = {"linux: Documentation/power/basic-pm-debugging.rst"};
    }
    findings.push_back(std::move(finding));
}

// Without the node a host neither asks nor waits: it suspends the vCPUs as they are.
void check_features(const Context& context, std::vector<Finding>& findings) {
    if (!is_xen_guest(context.platform.platform) || !context.store) {
        return;
    }
    const auto suspend = context.store("control/feature-suspend");
    if (suspend && *suspend == "1") {
        findings.push_back(fine("features", "control/feature-suspend is 1"));
        return;
    }
    findings.push_back(fine("features", "control/feature-suspend is " +
                                            (suspend ? "\"" + *suspend + "\"" : "not there") +
                                            "; toolstacks that honour it will not ask this guest"));
}

}  // namespace resume::agent::doctor
