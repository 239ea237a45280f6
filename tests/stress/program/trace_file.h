// A trace as a file that `resumectl verify` reads.
#pragma once

#include <ostream>

#include "libresume/oracle/trace_view.h"

namespace resume::stress {

/// False when the stream did not take it.
bool write_trace(std::ostream& out, const oracle::TraceView& view);

}  // namespace resume::stress
