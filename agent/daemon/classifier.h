// The kernel's trace, read and classified: what the observer asks for.
#pragma once

#include "agent/observe/judge.h"

namespace resume::agent {

/// Each cycle of an ftrace text with its violations; ids are left empty.
std::vector<oracle::CycleReport> classify_trace(std::string_view trace);

}  // namespace resume::agent
