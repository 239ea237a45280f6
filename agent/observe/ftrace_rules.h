// The P family (and F2, F4, L7) over a kernel's cycle: what no correct kernel does, tolerant of
// what correct kernels do. Devices whose names are not unique are left out of what goes by name.
#pragma once

#include "agent/observe/kernel_cycle.h"
#include "libresume/oracle/cycle_report.h"

namespace resume::agent {

/// Adds violations, warnings and why nothing can be said. Returns true when the cycle is
/// inconclusive: events are missing, or it did not end in what was seen.
bool judge_kernel_cycle(const KernelCycle& cycle, oracle::CycleReport& report);

}  // namespace resume::agent
