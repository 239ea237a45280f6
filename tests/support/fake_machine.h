// The least machine that the engine runs on: a virtual counter of nanoseconds and a queue of
// things that happen at a time. Waiting jumps to the next of them. One CPU, no devices.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "libresume/platform/machine.h"

namespace resume {
inline namespace v0 {

struct Machine {
    explicit Machine(uint32_t trace_capacity = 1U << 16)
        : storage(trace_capacity), trace{storage.data(), trace_capacity} {}

    /// Runs `happens` when the counter has reached now + `ticks`, inside a wait: an interrupt.
    void after(Ticks ticks, std::function<void()> happens) {
        events.emplace(now + ticks, std::move(happens));
    }

    std::vector<TraceEvent> storage;
    Trace trace;
    Ticks now = 1000;
    Ticks ticks_per_read = 0;  ///< what each look at the counter costs
    std::multimap<Ticks, std::function<void()>> events;
    bool irqs_on = true;
    bool parked = false;
    bool park_fails = false;
    uint32_t waits = 0;
    bool other_cpus_run = false;  ///< waiting lets other threads run, and time creeps
};

}  // namespace v0
}  // namespace resume
