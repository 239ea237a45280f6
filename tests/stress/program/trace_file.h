// A trace as a file that `resumectl verify` reads.
#pragma once

#include <string>

#include "libresume/oracle/trace_view.h"

namespace resume::stress {

/// Into that file; false, and logged, when it cannot be written.
bool write_trace(const std::string& path, const oracle::TraceView& view);
/// `good` again; where it is not, it is logged that the file cannot be written.
bool written(const std::string& path, bool good);

}  // namespace resume::stress
