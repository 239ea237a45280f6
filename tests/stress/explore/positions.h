// Where in a cycle a single fault can be.
#pragma once

#include <vector>

#include "tests/stress/campaign/life.h"

namespace resume::stress {

/// Every kind of fault, with every device, phase, task, vCPU, call and request that it can speak of
/// in a cycle of this plan. `view` is the trace of such a cycle without any fault: what is counted
/// in calls comes as often as they were made there. Durations are one short and one long each.
[[nodiscard]] std::vector<PlannedFault> fault_positions(const LifePlan& plan,
                                                        const oracle::TraceView& view);

}  // namespace resume::stress
