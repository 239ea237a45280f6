// The checks: small functions in one table. Each looks at its facts through the context's seams and
// adds findings; none changes anything on the machine, and none waits for anything but `settle`.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/doctor/activity.h"
#include "agent/doctor/finding.h"
#include "agent/doctor/known_bad.h"
#include "agent/doctor/platform.h"
#include "agent/doctor/poison_pages.h"
#include "agent/doctor/release.h"
#include "agent/doctor/root.h"

namespace resume::agent::doctor {

/// What a check may look at.
struct Context {
    Root root = Root::live();
    Cpuid cpuid;
    PlatformFacts platform;
    std::vector<Kernel> kernels;
    bool running_kernel = true;  ///< false: --kernel or an image; nothing live is looked at
    KnownBadTable table;
    std::string changelog;     ///< of the kernel's package; empty when there is none
    std::optional<pid_t> pid;  ///< --pid
    /// Lets time pass between two looks at the same counters.
    std::function<void()> settle;
    /// The first of these looks, for a caller that let the time pass by itself; then no `settle`.
    std::optional<Activity> earlier;
    /// What is known of lost pages; without a value, page flags are scanned when there are any.
    std::optional<PoisonedPages> poison;
    /// Reads a node of the guest's own xenstore subtree; empty function: no xenstore.
    std::function<std::optional<std::string>(std::string_view)> store;
};

using Check = void (*)(const Context& context, std::vector<Finding>& findings);

struct CheckRow {
    const char* name;
    Check run;
    bool live_only;  ///< makes no sense for an image or another kernel
};

/// All checks, in the order of the report. known-bad comes last: rows can be raised by findings.
const std::vector<CheckRow>& all_checks();

void check_platform(const Context& context, std::vector<Finding>& findings);
void check_clocksource(const Context& context, std::vector<Finding>& findings);
void check_freeze_budget(const Context& context, std::vector<Finding>& findings);
void check_pm_test(const Context& context, std::vector<Finding>& findings);
void check_features(const Context& context, std::vector<Finding>& findings);
void check_frontends(const Context& context, std::vector<Finding>& findings);
void check_disks_and_tasks(const Context& context, std::vector<Finding>& findings);
void check_drivers(const Context& context, std::vector<Finding>& findings);
void check_fuse(const Context& context, std::vector<Finding>& findings);
void check_device_paths(const Context& context, std::vector<Finding>& findings);
void check_poison(const Context& context, std::vector<Finding>& findings);
void check_vmgenid(const Context& context, std::vector<Finding>& findings);
void check_agents(const Context& context, std::vector<Finding>& findings);
void check_xenbus_holders(const Context& context, std::vector<Finding>& findings);
void check_known_bad(const Context& context, std::vector<Finding>& findings);

/// Runs the table's checks that fit the context.
std::vector<Finding> examine(const Context& context);

/// A finding that is no concern.
Finding fine(std::string id, std::string evidence);

/// "1 disk", "2 disks".
std::string counted(uint64_t count, const char* one);

/// At most `most` of `items`, joined by ", ", and how many more there are.
std::string some_of(const std::vector<std::string>& items, size_t most = 8);

}  // namespace resume::agent::doctor
