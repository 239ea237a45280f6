#include "tests/mutants/citizens.h"

#include "drivers/model/machine.h"

namespace resume::mutants {
namespace {

constexpr uint32_t kTask = 1;

}  // namespace

constexpr DriverOps Citizen::kOps = {
    .driver = "citizen",
    .prepare = thread_down<&Citizen::prepare>,
    .suspend = thread_down<&Citizen::suspend>,
    .suspend_late = thread_down<&Citizen::late>,
    .suspend_noirq = noirq_down<&Citizen::noirq>,
    .resume_noirq = ::resume::noirq_up<&Citizen::noirq_up>,
    .resume_early = thread_up<&Citizen::early>,
    .resume = thread_up<&Citizen::resume>,
    .complete = thread_up<&Citizen::complete>,
};

Citizen::Citizen(Citizens& citizens, const char* name, bool is_bus) noexcept
    : Device{kOps, name}, citizens_{citizens}, is_bus_{is_bus} {}

void Citizen::move(Place from, Place to) noexcept {
    RESUME_ASSERT(place_ == from);
    // The bus is used by the disk: never further down than it.
    RESUME_ASSERT(!is_bus_ || to == Place::prepared || to == Place::up ||
                  citizens_.disk.place() >= to);
    place_ = to;
    citizens_.let_the_task_run();
}

Progress Citizen::prepare(ThreadContext&) noexcept {
    RESUME_ASSERT(!citizens_.frozen);
    was_masked_ = false;
    move(Place::up, Place::prepared);
    return citizens_.promised.use_store();
}

Progress Citizen::suspend(ThreadContext&) noexcept {
    RESUME_ASSERT(place_ == Place::prepared);
    RESUME_ASSERT(citizens_.frozen);
    if (meanwhile) {
        meanwhile(Phase::suspend);
    }
    if (refuses == Phase::suspend) {
        return Errc::refused;
    }
    move(Place::prepared, Place::suspended);
    return citizens_.promised.use_store();
}

Progress Citizen::late(ThreadContext&) noexcept {
    RESUME_ASSERT(citizens_.promised.store_closed());
    if (citizens_.bystander) {
        citizens_.bystander();
    }
    move(Place::suspended, Place::late);
    return Progress::done();
}

Result<> Citizen::noirq(NoirqContext&) noexcept {
    RESUME_ASSERT(place_ == Place::late);
    RESUME_ASSERT(citizens_.device_irqs_masked());
    if (refuses == Phase::suspend_noirq) {
        return Errc::refused;
    }
    move(Place::late, Place::noirq);
    was_masked_ = true;
    return {};
}

Result<> Citizen::noirq_up(NoirqContext&, Outcome) noexcept {
    RESUME_ASSERT(citizens_.device_irqs_masked());
    citizens_.promised.read_clock();
    move(Place::noirq, Place::late);
    return {};
}

Progress Citizen::early(ThreadContext&, Outcome outcome) noexcept {
    RESUME_ASSERT(outcome == Outcome::aborted || was_masked_);
    RESUME_ASSERT(!citizens_.device_irqs_masked());
    RESUME_ASSERT(citizens_.promised.store_closed());
    move(Place::late, Place::suspended);
    return Progress::done();
}

Progress Citizen::resume(ThreadContext&, Outcome) noexcept {
    RESUME_ASSERT(citizens_.frozen);
    move(Place::suspended, Place::prepared);
    return citizens_.promised.use_store();
}

Progress Citizen::complete(ThreadContext&, Outcome) noexcept {
    RESUME_ASSERT(!citizens_.frozen);
    move(Place::prepared, Place::up);
    return citizens_.promised.use_store();
}

Citizens::Citizens(Machine& of, Promises promises) noexcept
    : promised{std::move(promises)}, machine{of} {}

Tasks Citizens::tasks(Citizens& citizens) noexcept {
    Tasks tasks;
    tasks.tasks = &citizens;
    tasks.freeze = [](void* self, Ticks) noexcept -> Result<> {
        auto& of = *static_cast<Citizens*>(self);
        RESUME_ASSERT(!of.frozen);
        of.frozen = true;
        of.machine.sight(EventKind::task_frozen, kTask, 0, of.promised.inside_store(kTask) ? 1 : 0);
        return {};
    };
    tasks.thaw = [](void* self, Outcome) noexcept {
        auto& of = *static_cast<Citizens*>(self);
        RESUME_ASSERT(of.frozen);
        of.frozen = false;
        of.machine.sight(EventKind::task_thawed, kTask);
    };
    return tasks;
}

void Citizens::let_the_task_run() noexcept {
    if (!frozen) {
        // A prepared disk still works; one that was suspended does not.
        RESUME_ASSERT(disk.place() <= Place::prepared);
    }
}

bool Citizens::device_irqs_masked() const noexcept {
    const Trace& trace = machine.trace;
    for (uint32_t i = trace.size(); i > 0; --i) {
        const EventKind kind = trace.at(i - 1).kind;
        if (kind == EventKind::device_irqs_masked || kind == EventKind::device_irqs_unmasked) {
            return kind == EventKind::device_irqs_masked;
        }
    }
    return false;
}

}  // namespace resume::mutants
