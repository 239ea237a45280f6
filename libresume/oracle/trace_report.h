// Reports of the cycles in a trace of ours.
#pragma once

#include <string>
#include <vector>

#include "libresume/oracle/cycle_report.h"
#include "libresume/oracle/trace_view.h"
#include "libresume/oracle/verdict.h"

namespace resume::oracle {

/// One report a cycle, ids `prefix` + number. What was violated outside of every cycle stands in
/// the first report; a trace without a cycle gives one report with outcome unknown.
[[nodiscard]] std::vector<CycleReport> reports_of(const TraceView& view, const Verdict& verdict,
                                                  const std::string& prefix);

}  // namespace resume::oracle
