#include "tests/conformance/saboteur.h"

namespace resume::conformance {

constexpr DriverOps Saboteur::kOps = {
    .driver = "saboteur",
    .prepare = thread_down<&Saboteur::prepare>,
    .suspend = thread_down<&Saboteur::suspend>,
    .suspend_late = thread_down<&Saboteur::suspend_late>,
    .suspend_noirq = noirq_down<&Saboteur::suspend_noirq>,
    .resume_noirq = noirq_up<&Saboteur::resume_noirq>,
    .resume_early = thread_up<&Saboteur::up>,
    .resume = thread_up<&Saboteur::up>,
    .complete = thread_up<&Saboteur::up>,
};

Saboteur::Saboteur(Phase refuses) noexcept : Device{kOps, "saboteur"}, refuses_{refuses} {}

Errc Saboteur::answer(Phase phase) noexcept {
    if (phase != refuses_) {
        return Errc::none;
    }
    refuses_ = Phase::none;
    return Errc::refused;
}

Progress Saboteur::prepare(ThreadContext&) noexcept {
    return answer(Phase::prepare);
}
Progress Saboteur::suspend(ThreadContext&) noexcept {
    return answer(Phase::suspend);
}
Progress Saboteur::suspend_late(ThreadContext&) noexcept {
    return answer(Phase::suspend_late);
}
Result<> Saboteur::suspend_noirq(NoirqContext&) noexcept {
    return answer(Phase::suspend_noirq);
}
Result<> Saboteur::resume_noirq(NoirqContext&, Outcome) noexcept {
    return {};
}
Progress Saboteur::up(ThreadContext&, Outcome) noexcept {
    return Progress::done();
}

constexpr DriverOps SystemSaboteur::kOps = {
    .driver = "system_saboteur",
    .rank = SystemRank::hypercall_page,
    .syscore_suspend = syscore_down<&SystemSaboteur::down>,
    .syscore_resume = syscore_up<&SystemSaboteur::up>,
};

SystemSaboteur::SystemSaboteur() noexcept : Device{kOps, "system_saboteur"} {}

Result<> SystemSaboteur::down(SyscoreContext&) noexcept {
    return Errc::refused;
}
Result<> SystemSaboteur::up(SyscoreContext&, Outcome) noexcept {
    return {};
}

}  // namespace resume::conformance
