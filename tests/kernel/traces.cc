// Where the trace lies: a ring for each vCPU, merged by the counter's time when it is read out.
#include <new>

#include "libresume/platform/machine.h"
#include "tests/kernel/machine_state.h"

namespace kernel {
namespace {

using resume::Trace;
using resume::TraceEvent;

// CPU 0 does the work; the others only answer.
constexpr uint32_t kMainEvents = 1u << 16;
constexpr uint32_t kOtherEvents = 1u << 12;

constinit TraceEvent g_main[kMainEvents] = {};
constinit TraceEvent g_other[KERNEL_MAX_CPUS - 1][kOtherEvents] = {};
/// One piece of the merged trace.
constexpr uint32_t kPieceEvents = 1u << 12;
constinit TraceEvent g_merged[kPieceEvents] = {};

alignas(Trace) constinit uint8_t g_traces[KERNEL_MAX_CPUS][sizeof(Trace)] = {};
alignas(Trace) constinit uint8_t g_merged_trace[sizeof(Trace)] = {};

}  // namespace

void start_trace() noexcept {
    new (g_traces[0]) Trace{g_main, kMainEvents};
    for (uint32_t cpu = 1; cpu < KERNEL_MAX_CPUS; ++cpu) {
        new (g_traces[cpu]) Trace{g_other[cpu - 1], kOtherEvents};
    }
}

Trace& trace_of_cpu(uint32_t cpu) noexcept {
    return *std::launder(reinterpret_cast<Trace*>(g_traces[cpu]));
}

const Trace& TraceMerge::next() noexcept {
    auto* piece = new (g_merged_trace) Trace{g_merged, kPieceEvents};
    while (piece->size() < kPieceEvents) {
        const TraceEvent* oldest = nullptr;
        uint32_t owner = 0;
        for (uint32_t cpu = 0; cpu < cpus_; ++cpu) {
            const Trace& trace = trace_of_cpu(cpu);
            if (next_[cpu] < trace.size() &&
                (oldest == nullptr || trace.at(next_[cpu]).ticks < oldest->ticks)) {
                oldest = &trace.at(next_[cpu]);
                owner = cpu;
            }
        }
        if (oldest == nullptr) {
            break;
        }
        piece->write(*oldest);
        ++next_[owner];
    }
    return *piece;
}

void clear_traces(uint32_t cpus) noexcept {
    for (uint32_t cpu = 0; cpu < cpus; ++cpu) {
        trace_of_cpu(cpu).clear();
    }
}

uint64_t lost_events(uint32_t cpus) noexcept {
    uint64_t lost = 0;
    for (uint32_t cpu = 0; cpu < cpus; ++cpu) {
        lost += trace_of_cpu(cpu).lost();
    }
    return lost;
}

}  // namespace kernel
