// Which hooks have nothing to do with one another: declared here, checked by the explorer.
#pragma once

#include "tests/stress/explore/explore.h"

namespace resume::stress {

/// By names of devices, in the plan's first cycle with its faults. The guest's ordinary devices
/// share nothing with any other, but where a fault makes one of them act on the cycle; frontends
/// share the store's ring, channels and grant references.
[[nodiscard]] bool declared_independent(const std::string& one, const std::string& other,
                                        const LifePlan& plan);

}  // namespace resume::stress
