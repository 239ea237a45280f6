// Makes a failing life smaller while it still fails in the same way.
#pragma once

#include "tests/stress/campaign/life.h"

namespace resume::stress {

struct Shrunk {
    LifePlan plan;
    LifeResult result;  ///< of that plan, with its trace
    uint32_t tried = 0;
};

/// `result` is what `plan` came to and has a finding.
[[nodiscard]] Shrunk shrink(const LifePlan& plan, const LifeResult& result);

/// What is left in a plan: its cycles and their faults.
[[nodiscard]] size_t size_of(const LifePlan& plan);

}  // namespace resume::stress
