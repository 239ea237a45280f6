// What the trace of a life says of it, whatever guest it was.
#pragma once

#include "tests/stress/campaign/life.h"

namespace resume::stress {

/// Hash and counts; the first violation, if it comes before what was found already. What comes
/// after `judged_events` is not judged: it is owed to a fault that the guest told of.
void judge_trace(const oracle::TraceView& view, size_t judged_events, bool keep_trace,
                 LifeResult& result);

}  // namespace resume::stress
