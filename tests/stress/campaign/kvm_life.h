// One life of a guest of KVM's: what life.h says of any guest, where nobody tells the guest what
// the host does with it.
#pragma once

#include "tests/stress/campaign/life.h"

namespace resume::stress {

[[nodiscard]] LifeResult live_on_kvm(const LifePlan& plan, bool keep_trace, Chooser* chooser);

const std::vector<std::string>& rare_states_on_kvm();

}  // namespace resume::stress
