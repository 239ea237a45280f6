// The judge: runs every family of rules over a trace.
#pragma once

#include "libresume/oracle/trace_view.h"
#include "libresume/oracle/verdict.h"

namespace resume::oracle {

/// Inconclusive when events were lost, when there is no cycle, or when the trace ends in mid-cycle
/// and shows no violation up to there.
[[nodiscard]] Verdict judge(const TraceView& view);

}  // namespace resume::oracle
