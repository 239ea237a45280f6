// What the headers make impossible to write. Compiled once as it stands (the control, which must
// compile) and once with each CASE_ below (none of which may); the pattern after the colon must
// stand in the compiler's errors, so that a case cannot fail for another reason.
//
// CASE_GATE_AT_RESUME: BootContext|no matching function
// CASE_BOOT_CONTEXT_AT_RESUME: private
// CASE_BOOT_CONTEXT_COPIED: deleted
// CASE_PENDING_IN_NOIRQ: could not convert|no viable conversion
// CASE_DEFER_IN_NOIRQ: no member named|has no member
// CASE_DEFER_IN_SYSCORE: no member named|has no member
// CASE_NO_MIRROR: each_suspend_hook_needs_its_mirrored_resume_hook
// CASE_NO_NOEXCEPT: HookOwner
// CASE_NO_OUTCOME: HookOwner|no matching|too many arguments|no match
// CASE_SYSCORE_OF_ORDINARY: syscore_hooks_are_for_system_devices_and_only_those
// CASE_NOIRQ_OF_SYSTEM: syscore_hooks_are_for_system_devices_and_only_those
// CASE_TABLE_AT_RUN_TIME: constant expression|consteval
// CASE_RESULT_IGNORED: nodiscard
// CASE_COMPLETER_COPIED: deleted
#include "libresume/engine.h"

namespace {

using namespace resume;

void handler(Machine&, uint32_t, void*) noexcept {}

class Disk final : public Device {
  public:
    Disk() noexcept;

  private:
    Progress suspend(ThreadContext& context) noexcept {
        pending_ = context.defer();
#ifdef CASE_COMPLETER_COPIED
        Completer second = pending_;
#endif
        return Progress::pending();
    }
#ifdef CASE_NO_OUTCOME
    Progress resume(ThreadContext&) noexcept {
        return Progress::done();
    }
#elif defined(CASE_NO_NOEXCEPT)
    Progress resume(ThreadContext&, Outcome) {
        return Progress::done();
    }
#else
    Progress resume(ThreadContext& context, Outcome) noexcept {
#ifdef CASE_GATE_AT_RESUME
        static_cast<void>(allocate_irq_gate(context.machine(), handler, nullptr).ok());
#elif defined(CASE_BOOT_CONTEXT_AT_RESUME)
        BootContext boot;
        static_cast<void>(allocate_irq_gate(context.machine(), boot, handler, nullptr).ok());
#elif defined(CASE_RESULT_IGNORED)
        park_other_cpus(context.machine());
#endif
        static_cast<void>(context);
        return Progress::done();
    }
#endif
    Result<> suspend_noirq(NoirqContext& context) noexcept {
        static_cast<void>(context.machine());
#ifdef CASE_PENDING_IN_NOIRQ
        return Progress::pending();
#elif defined(CASE_DEFER_IN_NOIRQ)
        pending_ = context.defer();
#endif
        return {};
    }
    Result<> resume_noirq(NoirqContext&, Outcome) noexcept {
        return {};
    }

    static const DriverOps kOps;
    Completer pending_;
};

#ifdef CASE_TABLE_AT_RUN_TIME
const
#else
constexpr
#endif
    DriverOps Disk::kOps = {
        .driver = "disk",
#ifdef CASE_TABLE_AT_RUN_TIME
        .deadline_ms = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(&handler)),
#endif
        .suspend = thread_down<&Disk::suspend>,
        .suspend_noirq = noirq_down<&Disk::suspend_noirq>,
        .resume_noirq = noirq_up<&Disk::resume_noirq>,
#ifndef CASE_NO_MIRROR
        .resume = thread_up<&Disk::resume>,
#endif
};

Disk::Disk() noexcept : Device{kOps, "disk"} {}

class Timer final : public Device {
  public:
    Timer() noexcept;

  private:
    Result<> suspend(SyscoreContext& context) noexcept {
#ifdef CASE_DEFER_IN_SYSCORE
        static_cast<void>(context.defer());
#endif
        static_cast<void>(context.machine());
        return {};
    }
    Result<> resume(SyscoreContext&, Outcome) noexcept {
        return {};
    }
#ifdef CASE_NOIRQ_OF_SYSTEM
    Result<> suspend_noirq(NoirqContext&) noexcept {
        return {};
    }
    Result<> resume_noirq(NoirqContext&, Outcome) noexcept {
        return {};
    }
#endif

    static const DriverOps kOps;
};

constexpr DriverOps Timer::kOps = {
    .driver = "timer",
#ifndef CASE_SYSCORE_OF_ORDINARY
    .rank = SystemRank::timer,
#endif
#ifdef CASE_NOIRQ_OF_SYSTEM
    .suspend_noirq = noirq_down<&Timer::suspend_noirq>,
#endif
    .syscore_suspend = syscore_down<&Timer::suspend>,
    .syscore_resume = syscore_up<&Timer::resume>,
#ifdef CASE_NOIRQ_OF_SYSTEM
    .resume_noirq = noirq_up<&Timer::resume_noirq>,
#endif
};

Timer::Timer() noexcept : Device{kOps, "timer"} {}

Result<uint8_t> boot(Machine& machine) noexcept {
    return BootContext::with([&](BootContext& context) {
#ifdef CASE_BOOT_CONTEXT_COPIED
        static BootContext kept = context;
#endif
        return allocate_irq_gate(machine, context, handler, nullptr);
    });
}

}  // namespace

// Uses what is above, so that nothing is left out as unused.
bool gate_control(Machine& machine) {
    Disk disk;
    Timer timer;
    return disk.registered() || timer.registered() || boot(machine).ok();
}
