// What the command lines of this project's programs have in common.
#pragma once

#include <string>
#include <vector>

#include "drivers/xen_guest/bugs.h"

namespace resume::stress {

/// Exit codes of every program of the project.
enum class ExitCode : int {
    good = 0,
    finding = 1,
    inconclusive = 3,
    liveness = 4,  ///< resume-stress
    crash = 5,     ///< resume-stress
    usage = 64,
    unreadable = 66,
    not_available = 69,
    own_fault = 70,
};

/// Bugs by their names; throws CLI::ValidationError for one that is not known.
Bugs bugs_named(const std::vector<std::string>& words);

}  // namespace resume::stress
