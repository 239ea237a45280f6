// Where the agent has no business: dom0 suspends others, and a container shares its kernel.
#pragma once

#include <string>

#include "agent/base/files.h"

namespace resume::agent {

/// Why the agent must not run here; empty when it may.
std::string reason_to_refuse(const Root& root);

}  // namespace resume::agent
