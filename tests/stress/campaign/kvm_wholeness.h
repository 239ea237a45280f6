// Whether a guest of KVM's is whole again when everybody behaves.
#pragma once

#include "tests/stress/campaign/kvm_stage.h"
#include "tests/stress/campaign/wholeness.h"

namespace resume::stress {

[[nodiscard]] std::optional<Trouble> trouble_afterwards(KvmStage& stage);

}  // namespace resume::stress
