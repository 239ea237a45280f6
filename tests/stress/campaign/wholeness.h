// Liveness: once every fault has stopped, the guest must come back whole.
#pragma once

#include <optional>
#include <string>

#include "tests/stress/campaign/stage.h"

namespace resume::stress {

struct Trouble {
    std::string id;  ///< "disk", "clock", "store", ...
    std::string detail;
};

/// Takes a calm guest through a cancelled and a resumed cycle, and looks at all that it lives by.
[[nodiscard]] std::optional<Trouble> trouble_afterwards(Stage& stage);

}  // namespace resume::stress
