// From evidence to reports: the trace says which path and how far (classify.h); everything else
// confirms, names the cause where the trace cannot, or contradicts.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "agent/observe/evidence.h"
#include "libresume/oracle/cycle_report.h"

namespace resume::agent {

/// ftrace text to reports, oldest first: agent/observe/classify.h, or a test's own.
using Classifier = std::function<std::vector<oracle::CycleReport>(std::string_view trace)>;

/// One report for each suspend that the evidence shows; none when it shows none. id, announced and
/// begin_realtime are left to the caller.
std::vector<oracle::CycleReport> judge(const Evidence& evidence, const Classifier& classify);

}  // namespace resume::agent
