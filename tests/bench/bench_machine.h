// The machine of the benchmarks: the real counter, or a virtual one that jumps from event to event;
// and timers that complete hooks, fired while the engine waits, as interrupts would be.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "libresume/platform/machine.h"

namespace resume {
inline namespace v0 {

class Completer;

struct Machine {
    struct Timer {
        Ticks due;
        Completer* completer;
        bool operator<(const Timer& other) const noexcept { return due > other.due; }
    };

    explicit Machine(uint32_t trace_capacity)
        : storage(trace_capacity), trace{storage.data(), trace_capacity} {}

    std::vector<TraceEvent> storage;
    Trace trace;
    /// wall: the counter as it is. jumping: stands still but for waits, which go to the next event
    /// at once.
    enum class Clock : uint8_t { wall, jumping };
    Clock clock = Clock::wall;
    Ticks jumping_now = 0;
    std::priority_queue<Timer> timers;
};

/// Frequency of the counter in Hz, measured once against the monotonic clock.
uint64_t measured_counter_hz() noexcept;

}  // namespace v0
}  // namespace resume
