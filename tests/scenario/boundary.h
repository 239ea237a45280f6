// What crosses a guest's boundary, in order and free of times and numbers that differ from day to
// day: hypercalls and store messages. Two traces of the same cycle, one of the model and one of a
// kernel on real Xen, are compared by it.
#pragma once

#include <string>
#include <vector>

#include "libresume/oracle/trace_view.h"

namespace resume::scenario {

/// Which part of a trace: boot as far as the drivers go alone, to the first store message; the
/// first cycle.
enum class Part { boot, cycle };

/// One word an act, for example "hvm_op.get_param(17)" or "store WRITE".
std::vector<std::string> boundary_of(const oracle::TraceView& view, Part part);

/// The differences of two sequences, by their longest common subsequence: "-" stands in `reality`
/// only, "+" in `model` only, in order.
std::vector<std::string> differences(const std::vector<std::string>& reality,
                                     const std::vector<std::string>& model);

}  // namespace resume::scenario
