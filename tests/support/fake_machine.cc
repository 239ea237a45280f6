#include "tests/support/fake_machine.h"

#include <cstdio>
#include <cstdlib>
#include <thread>

namespace resume {
inline namespace v0 {

void panic(const char* what, const char* file, int line) noexcept {
    std::fprintf(stderr, "%s:%d: panic: %s\n", file, line, what);
    std::abort();
}

uint32_t cpu_count(const Machine&) noexcept {
    return 2;
}

uint32_t current_cpu(const Machine&) noexcept {
    return 0;
}

namespace {

void sight(Machine& machine, EventKind kind, uint32_t arg32 = 0) {
    machine.trace.write(
        {.ticks = machine.now, .arg32 = arg32, .kind = kind, .witness = Witness::other_side});
}

}  // namespace

Result<> park_other_cpus(Machine& machine) noexcept {
    if (machine.park_fails) {
        return Errc::timed_out;
    }
    RESUME_ASSERT(!machine.parked);
    machine.parked = true;
    sight(machine, EventKind::cpu_parked, 1);
    return {};
}

void unpark_other_cpus(Machine& machine) noexcept {
    RESUME_ASSERT(machine.parked);
    machine.parked = false;
    sight(machine, EventKind::cpu_unparked, 1);
}

void disable_irqs(Machine& machine) noexcept {
    RESUME_ASSERT(machine.irqs_on);
    machine.irqs_on = false;
    sight(machine, EventKind::irqs_disabled);
}

void enable_irqs(Machine& machine) noexcept {
    RESUME_ASSERT(!machine.irqs_on);
    machine.irqs_on = true;
    sight(machine, EventKind::irqs_enabled);
}

void wait_for_interrupt(Machine& machine, Ticks deadline) noexcept {
    RESUME_ASSERT(machine.irqs_on);
    ++machine.waits;
    if (machine.other_cpus_run) {
        ++machine.now;
        std::this_thread::yield();
        return;
    }
    if (machine.events.empty() || machine.events.begin()->first > deadline) {
        machine.now = machine.now < deadline ? deadline : machine.now;
        return;
    }
    auto next = machine.events.extract(machine.events.begin());
    machine.now = machine.now < next.key() ? next.key() : machine.now;
    next.mapped()();
}

Ticks raw_counter(const Machine& machine) noexcept {
    auto& counter = const_cast<Machine&>(machine);
    counter.now += counter.ticks_per_read;
    return counter.now;
}

uint64_t counter_hz(const Machine&) noexcept {
    return 1'000'000'000;
}

Trace& trace_of(Machine& machine) noexcept {
    return machine.trace;
}

}  // namespace v0
}  // namespace resume
