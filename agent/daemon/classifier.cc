#include "agent/daemon/classifier.h"

#include "agent/observe/classify.h"
#include "agent/observe/ftrace_reader.h"
#include "agent/observe/ftrace_rules.h"

namespace resume::agent {

std::vector<oracle::CycleReport> classify_trace(std::string_view trace) {
    std::vector<oracle::CycleReport> reports;
    FtraceReader reader{[&](KernelCycle&& cycle) {
        oracle::CycleReport report = classify(cycle, "");
        judge_kernel_cycle(cycle, report);
        reports.push_back(std::move(report));
    }};
    uint64_t number = 0;
    while (!trace.empty()) {
        const size_t end = trace.find('\n');
        reader.line(trace.substr(0, end), ++number);
        trace.remove_prefix(end == std::string_view::npos ? trace.size() : end + 1);
    }
    reader.finish();
    return reports;
}

}  // namespace resume::agent
