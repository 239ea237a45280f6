// A kernel's raw ftrace text as reports, for the timeline.
#pragma once

#include <string>
#include <vector>

namespace resume::agent {

/// JSON of each cycle in the file; empty with `problem` when it cannot be read.
std::vector<std::string> reports_of_trace_file(const std::string& path, std::string& problem);

}  // namespace resume::agent
