#include "tests/bench/bench_machine.h"

#include <x86intrin.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "libresume/completer.h"

namespace resume {
inline namespace v0 {

void panic(const char* what, const char* file, int line) noexcept {
    std::fprintf(stderr, "%s:%d: panic: %s\n", file, line, what);
    std::abort();
}

uint64_t measured_counter_hz() noexcept {
    static const uint64_t hz = [] {
        using Clock = std::chrono::steady_clock;
        const auto begin = Clock::now();
        const Ticks first = __rdtsc();
        while (Clock::now() - begin < std::chrono::milliseconds{50}) {
        }
        const Ticks last = __rdtsc();
        const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        return static_cast<uint64_t>(static_cast<double>(last - first) / seconds);
    }();
    return hz;
}

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

Ticks raw_counter(const Machine& machine) noexcept {
    return machine.clock == Machine::Clock::jumping ? machine.jumping_now : __rdtsc();
}

uint64_t counter_hz(const Machine& machine) noexcept {
    return machine.clock == Machine::Clock::jumping ? 1'000'000'000 : measured_counter_hz();
}

void wait_for_interrupt(Machine& machine, Ticks deadline) noexcept {
    const bool any = !machine.timers.empty() && machine.timers.top().due < deadline;
    const Ticks until = any ? machine.timers.top().due : deadline;
    if (machine.clock == Machine::Clock::jumping) {
        machine.jumping_now = until;
    }
    Ticks now = raw_counter(machine);
    while (now < until) {
        _mm_pause();
        now = raw_counter(machine);
    }
    while (!machine.timers.empty() && machine.timers.top().due <= now) {
        Completer* completer = machine.timers.top().completer;
        machine.timers.pop();
        completer->complete();
    }
}

Trace& trace_of(Machine& machine) noexcept {
    return machine.trace;
}

}  // namespace v0
}  // namespace resume
