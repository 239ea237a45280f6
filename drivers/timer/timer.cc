#include "drivers/timer/timer.h"

#include "drivers/support/boot_code.h"
#include "drivers/support/xen_result.h"

namespace resume {
inline namespace v0 {

constexpr DriverOps Timer::kOps = {
    .driver = "timer",
    .rank = SystemRank::timer,
    .syscore_suspend = syscore_down<&Timer::syscore_suspend>,
    .syscore_resume = syscore_up<&Timer::syscore_resume>,
};

constexpr DriverOps Timer::kLateOps = {
    .driver = "timer",
    .suspend = thread_down<&Timer::late_suspend>,
    .resume = thread_up<&Timer::late_resume>,
};

CheckedOps Timer::table(Bugs bugs) noexcept {
    // Named, since clang 14 dies of two consteval constructors in one conditional.
    constexpr CheckedOps kRanked{kOps};
    constexpr CheckedOps kLate{kLateOps};
    return bugs.has(Bug::timer_after_devices) ? kLate : kRanked;
}

Timer::Timer(Machine& machine, EventChannels& events, Bugs bugs) noexcept
    : Device{table(bugs), "timer"}, machine_{machine}, events_{events} {}

RESUME_BOOT_CODE Result<> Timer::boot(BootContext&) noexcept {
    for (uint32_t cpu = 0; cpu < cpu_count(machine_); ++cpu) {
        RESUME_TRY(bind(cpu));
    }
    return stop_periodic();
}

Result<> Timer::bind(uint32_t cpu) noexcept {
    Channel& channel = vcpus_[cpu].channel;
    channel.handler = &Timer::on_virq;
    channel.argument = this;
    return events_.bind_virq(channel, VIRQ_TIMER, cpu);
}

Result<> Timer::add_cpu(uint32_t cpu) noexcept {
    RESUME_TRY(bind(cpu));
    return xen_result(xen::vcpu_op(machine_, VCPUOP_stop_periodic_timer, cpu));
}

void Timer::remove_cpu(uint32_t cpu) noexcept {
    vcpus_[cpu].armed_for = 0;
    events_.close(vcpus_[cpu].channel);
}

void Timer::set_handler(TimerHandler handler, void* argument) noexcept {
    handler_ = handler;
    argument_ = argument;
}

Result<> Timer::arm(Nanoseconds system_time) noexcept {
    const uint32_t cpu = current_cpu(machine_);
    vcpus_[cpu].armed_for = system_time;
    vcpu_set_singleshot_timer timer{.timeout_abs_ns = system_time, .flags = 0};
    return xen_result(xen::vcpu_op(machine_, VCPUOP_set_singleshot_timer, cpu, timer));
}

void Timer::stop() noexcept {
    const uint32_t cpu = current_cpu(machine_);
    vcpus_[cpu].armed_for = 0;
    (void)xen::vcpu_op(machine_, VCPUOP_stop_singleshot_timer, cpu);
}

uint64_t Timer::ticks(uint32_t cpu) const noexcept {
    RESUME_ASSERT(cpu < kMaxVcpus);
    return vcpus_[cpu].ticks;
}

Nanoseconds Timer::armed_for(uint32_t cpu) const noexcept {
    RESUME_ASSERT(cpu < kMaxVcpus);
    return vcpus_[cpu].armed_for;
}

void Timer::on_virq(void* self, uint32_t cpu) noexcept {
    auto* timer = static_cast<Timer*>(self);
    PerVcpu& vcpu = timer->vcpus_[cpu];
    vcpu.armed_for = 0;
    ++vcpu.ticks;
    if (timer->handler_ != nullptr) {
        timer->handler_(timer->argument_, cpu);
    }
}

/// Xen starts a periodic timer on a fresh vCPU of an HVM guest; nobody here wants it.
Result<> Timer::stop_periodic() noexcept {
    Result<> first{};
    for (uint32_t cpu = 0; cpu < cpu_count(machine_); ++cpu) {
        const Result<> stopped =
            xen_result(xen::vcpu_op(machine_, VCPUOP_stop_periodic_timer, cpu));
        if (!stopped.ok() && first.ok()) {
            first = stopped;
        }
    }
    return first;
}

Result<> Timer::moved(int64_t delta) noexcept {
    for (PerVcpu& vcpu : vcpus_) {
        if (vcpu.armed_for != 0) {
            const Nanoseconds shifted = vcpu.armed_for + static_cast<uint64_t>(delta);
            vcpu.armed_for = shifted != 0 ? shifted : 1;
        }
    }
    return rearm();
}

/// What was armed is lost with the domain; in the same one arming again does no harm.
Result<> Timer::rearm() noexcept {
    const Nanoseconds armed_for = vcpus_[current_cpu(machine_)].armed_for;
    return armed_for != 0 ? arm(armed_for) : Result<>{};
}

Result<> Timer::syscore_suspend(SyscoreContext&) noexcept {
    return {};
}

Result<> Timer::syscore_resume(SyscoreContext&, Outcome outcome) noexcept {
    return outcome == Outcome::resumed ? stop_periodic() : Result<>{};
}

/// CPU 0's timer comes back with timekeeping.
void Timer::rearm_other_cpus() noexcept {
    if (cpu_count(machine_) > 1) {
        on_each_cpu(machine_, &Timer::rearm_here, this);
    }
}

void Timer::rearm_here(Machine&, uint32_t cpu, void* self) noexcept {
    if (cpu != 0) {
        (void)static_cast<Timer*>(self)->rearm();
    }
}

Progress Timer::late_suspend(ThreadContext&) noexcept {
    return Progress::done();
}

Progress Timer::late_resume(ThreadContext&, Outcome outcome) noexcept {
    return outcome == Outcome::resumed ? stop_periodic() : Result<>{};
}

}  // namespace v0
}  // namespace resume
