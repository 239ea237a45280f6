#include "agent/ctl/trace_file.h"

#include "agent/ctl/lines.h"
#include "agent/observe/classify.h"
#include "agent/observe/ftrace_reader.h"
#include "agent/observe/ftrace_rules.h"

namespace resume::agent {

std::vector<std::string> reports_of_trace_file(const std::string& path, std::string& problem) {
    constexpr size_t kMostBytes = 64U << 20;
    size_t bytes = 0;
    std::vector<std::string> lines;
    FtraceReader reader{[&](KernelCycle&& cycle) {
        if (bytes < kMostBytes) {
            auto report = classify(cycle, std::to_string(lines.size() + 1));
            judge_kernel_cycle(cycle, report);
            lines.push_back(oracle::to_line(report));
            bytes += lines.back().size();
        }
    }};
    const std::string cause = for_each_line(
        path, [&](std::string_view line, uint64_t number) { reader.line(line, number); });
    if (!cause.empty()) {
        problem = "cannot read " + path + ": " + cause;
    }
    reader.finish();
    return lines;
}

}  // namespace resume::agent
