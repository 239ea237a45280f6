#include "agent/ctl/trace_file.h"

#include <errno.h>

#include <fstream>

#include "agent/base/files.h"
#include "agent/observe/classify.h"
#include "agent/observe/ftrace_reader.h"
#include "agent/observe/ftrace_rules.h"

namespace resume::agent {

std::vector<std::string> reports_of_trace_file(const std::string& path, std::string& problem) {
    constexpr size_t kMostCycles = 1000;
    std::vector<std::string> lines;
    std::ifstream file{path};
    if (!file) {
        problem = explain("cannot read " + path, errno);
        return lines;
    }
    FtraceReader reader{[&](KernelCycle&& cycle) {
        if (lines.size() < kMostCycles) {
            auto report = classify(cycle, std::to_string(lines.size() + 1));
            judge_kernel_cycle(cycle, report);
            lines.push_back(oracle::to_line(report));
        }
    }};
    uint64_t number = 0;
    for (std::string line; std::getline(file, line);) {
        reader.line(line, ++number);
    }
    reader.finish();
    return lines;
}

}  // namespace resume::agent
