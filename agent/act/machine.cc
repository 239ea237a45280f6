#include "agent/act/machine.h"

#include <time.h>

namespace resume {
inline namespace v0 {

uint32_t cpu_count(const Machine&) noexcept {
    return 1;
}

uint32_t current_cpu(const Machine&) noexcept {
    return 0;
}

Result<> park_other_cpus(Machine&) noexcept {
    return {};
}

void unpark_other_cpus(Machine&) noexcept {}

void disable_irqs(Machine&) noexcept {}

void enable_irqs(Machine&) noexcept {}

Ticks raw_counter(const Machine&) noexcept {
    // Not BOOTTIME: a deadline must not pass because the guest slept.
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<Ticks>(now.tv_sec) * 1'000'000'000 + static_cast<Ticks>(now.tv_nsec);
}

uint64_t counter_hz(const Machine&) noexcept {
    return 1'000'000'000;
}

void wait_for_interrupt(Machine& machine, Ticks deadline) noexcept {
    const Ticks now = raw_counter(machine);
    const uint64_t left_ms = deadline > now ? (deadline - now) / 1'000'000 + 1 : 0;
    machine.loop.step(std::chrono::milliseconds{static_cast<int64_t>(left_ms)});
}

Trace& trace_of(Machine& machine) noexcept {
    return machine.trace;
}

}  // namespace v0
}  // namespace resume
