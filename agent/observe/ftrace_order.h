// P2 over a kernel's cycle: children before parents on the way down, parents first on the way up.
#pragma once

#include <cstdint>
#include <set>

#include "agent/observe/kernel_cycle.h"
#include "libresume/oracle/cycle_report.h"

namespace resume::agent {

/// `ambiguous`: devices (names of "driver device") that share their name with another.
void check_order(const KernelCycle& cycle, const std::set<uint32_t>& ambiguous,
                 oracle::CycleReport& report);

}  // namespace resume::agent
