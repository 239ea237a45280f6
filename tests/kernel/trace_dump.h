// The trace on the console, for `resumectl verify`.
#pragma once

#include "libresume/trace_text.h"

namespace kernel {

/// What stands at the head of each dump; borrowed for ever. Null before the devices are known.
void set_trace_head(resume::TraceTextInfo* head) noexcept;

/// TRACE-BEGIN, the trace since the last dump, TRACE-END; the rings begin anew.
void dump_trace() noexcept;
/// The newest events on the debug port, then the same by the raw console.
void dump_trace_in_panic() noexcept;

}  // namespace kernel
