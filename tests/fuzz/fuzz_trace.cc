// Traces from outside: whatever the text, the readers end, stay in their bounds and never crash,
// and every report can be written as JSON.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/observe/classify.h"
#include "agent/observe/ftrace_reader.h"
#include "agent/observe/ftrace_rules.h"
#include "libresume/oracle/judge.h"
#include "libresume/oracle/text_reader.h"
#include "libresume/oracle/trace_report.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace resume;
    std::string_view text{reinterpret_cast<const char*>(data), size};
    size_t written = 0;
    oracle::TextReader ours;
    agent::FtraceReader kernels{[&written](agent::KernelCycle&& cycle) {
        oracle::CycleReport report = agent::classify(cycle, "fuzz");
        agent::judge_kernel_cycle(cycle, report);
        written += oracle::to_line(report).size();
    }};
    for (uint64_t number = 1; !text.empty(); ++number) {
        const std::string_view line = text.substr(0, text.find('\n'));
        if (!ours.line(line, number)) {
            kernels.line(line, number);
        }
        text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
    }
    kernels.finish();
    for (const oracle::TraceView& view : ours.finish()) {
        for (const auto& report : oracle::reports_of(view, oracle::judge(view), "fuzz")) {
            written += oracle::to_line(report).size();
        }
    }
    return written > SIZE_MAX / 2 ? 1 : 0;
}
