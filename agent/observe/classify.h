// Says of a kernel's cycle what it was: first the path, then the outcome, then where it stopped.
#pragma once

#include <string>

#include "agent/observe/kernel_cycle.h"
#include "libresume/oracle/cycle_report.h"

namespace resume::agent {

/// The whole report but checks and violations of the rules (ftrace_rules.h). `id` is taken as is.
[[nodiscard]] oracle::CycleReport classify(const KernelCycle& cycle, const std::string& id);

/// Names of dpm_* and other actions in the words of our reports: "dpm_suspend" is "suspend".
[[nodiscard]] std::string step_name(const KernelCycle& cycle, const Span& span);

/// A callback of the way down that failed; what prepare asks to try again is no failure.
[[nodiscard]] bool failed_down(const KernelCycle& cycle, const Callback& callback);

/// The value of the last phase of the way up (PM_EVENT_*), 0 when there was none.
[[nodiscard]] uint32_t up_event(const KernelCycle& cycle);

}  // namespace resume::agent
