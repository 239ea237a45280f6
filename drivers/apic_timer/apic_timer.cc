#include "drivers/apic_timer/apic_timer.h"

#include "drivers/support/boot_code.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kTscDeadlineMsr = 0x6e0;     // IA32_TSC_DEADLINE
constexpr uint32_t kTimerEntryMsr = 0x832;      // x2APIC: LVT timer
constexpr uint64_t kDeadlineMode = 2ULL << 17;  // bits 18:17

/// A clock that stands still for a while must not make a storm of a rest of nothing.
constexpr Nanoseconds kLeastRestNs = 10'000;

}  // namespace

constexpr DriverOps ApicTimer::kOps = {
    .driver = "apic_timer",
    .rank = SystemRank::timer,
    .syscore_suspend = syscore_down<&ApicTimer::syscore_suspend>,
    .syscore_resume = syscore_up<&ApicTimer::syscore_resume>,
};

ApicTimer::ApicTimer(Machine& machine, Kvmclock& clock) noexcept
    : Device{kOps, "apic_timer"}, machine_{machine}, clock_{clock} {}

RESUME_BOOT_CODE Result<> ApicTimer::boot(BootContext& boot) noexcept {
    const Result<uint8_t> vector = allocate_irq_gate(machine_, boot, &ApicTimer::on_irq, this);
    if (!vector.ok()) {
        return vector.error();
    }
    entry_ = vector.value() | kDeadlineMode;
    cpu_up(0);
    return {};
}

/// What was armed before the CPU stood still is looked at again at once: on_irq arms the rest.
void ApicTimer::cpu_up(uint32_t cpu) noexcept {
    write_msr(machine_, kTimerEntryMsr, entry_);
    if (due_[cpu] != 0) {
        set_deadline(1);
    }
}

void ApicTimer::set_handler(Handler handler, void* argument) noexcept {
    handler_ = handler;
    argument_ = argument;
}

void ApicTimer::set_deadline(Ticks ticks) noexcept {
    write_msr(machine_, kTscDeadlineMsr, read_tsc(machine_) + ticks);
}

void ApicTimer::arm_after(Nanoseconds delay) noexcept {
    due_[current_cpu(machine_)] = clock_.monotonic() + delay;
    set_deadline(clock_.tsc_ticks(delay) + 1);
}

void ApicTimer::on_irq(Machine& machine, uint32_t cpu, void* argument) noexcept {
    auto& timer = *static_cast<ApicTimer*>(argument);
    apic_eoi(machine);
    if (timer.due_[cpu] == 0) {
        return;
    }
    const Nanoseconds now = timer.clock_.monotonic();
    if (now < timer.due_[cpu]) {
        const Nanoseconds rest = timer.due_[cpu] - now;
        timer.set_deadline(timer.clock_.tsc_ticks(rest > kLeastRestNs ? rest : kLeastRestNs));
        return;
    }
    timer.due_[cpu] = 0;
    if (timer.handler_ != nullptr) {
        timer.handler_(timer.argument_, cpu);
    }
}

Result<> ApicTimer::syscore_suspend(SyscoreContext&) noexcept {
    return {};
}

/// The clock is not up yet, so that a deadline cannot be computed; it fires when interrupts are on.
Result<> ApicTimer::syscore_resume(SyscoreContext& context, Outcome outcome) noexcept {
    const Result<uint64_t> entry = read_msr(machine_, kTimerEntryMsr);
    const bool kept = entry.ok() && entry.value() == entry_ && !another_life_;
    another_life_ = false;
    if (outcome == Outcome::resumed) {
        context.set_evidence(kept ? DomainEvidence::same : DomainEvidence::fresh);
    }
    if (outcome == Outcome::resumed || !kept) {
        cpu_up(0);
    }
    return {};
}

}  // namespace v0
}  // namespace resume
