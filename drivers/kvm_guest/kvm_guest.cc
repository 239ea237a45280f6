#include "drivers/kvm_guest/kvm_guest.h"

#include "drivers/support/boot_code.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr Nanoseconds kRateOverNs = 1'000'000'000;

/// Which CPUs' parts are brought down and up with each: the clock first up, last down.
void cpu_down(Machine& machine, uint32_t cpu, void* argument) noexcept {
    auto& guest = *static_cast<KvmGuest*>(argument);
    static_cast<void>(machine);
    guest.steal().cpu_down(cpu);
    guest.time().cpu_down(cpu);
}

void cpu_up(Machine& machine, uint32_t cpu, void* argument) noexcept {
    static_cast<void>(machine);
    static_cast<KvmGuest*>(argument)->boot_cpu(cpu);
}

}  // namespace

KvmGuest::KvmGuest(Machine& machine, const KvmGuestConfig& config) noexcept
    : machine_{machine},
      config_{config},
      table_{*config.table},
      lines_{machine},
      clock_{machine, config.areas, *config.wall, config.bugs},
      steal_{machine, config.areas, clock_, config.bugs},
      timer_{machine, clock_},
      generation_{machine, lines_, config.generation, config.bugs},
      engine_{machine, engine_config(*this, config)} {}

RESUME_BOOT_CODE Result<> KvmGuest::boot(BootContext& boot) noexcept {
    RESUME_TRY(clock_.boot(boot));
    RESUME_TRY(steal_.boot(boot));
    RESUME_TRY(timer_.boot(boot));
    RESUME_TRY(generation_.boot(boot));
    set_cpu_hooks(machine_, {.down = &cpu_down, .up = &cpu_up, .argument = this});
    remember_host();
    return add_drivers();
}

void KvmGuest::boot_cpu(uint32_t cpu) noexcept {
    clock_.cpu_up(cpu);
    steal_.cpu_up(cpu);
    timer_.cpu_up(cpu);
}

/// Parents first.
RESUME_BOOT_CODE Result<> KvmGuest::add_drivers() noexcept {
    RESUME_TRY(engine_.add(timer_, nullptr));
    RESUME_TRY(engine_.add(clock_, &timer_));
    RESUME_TRY(engine_.add(steal_, &clock_));
    return engine_.add(generation_, nullptr);
}

Result<> KvmGuest::add(Device& device, Device* parent) noexcept {
    return engine_.add(device, parent);
}

Result<> KvmGuest::remove(Device& device) noexcept {
    return engine_.remove(device);
}

/// s2idle leaves the CPUs and what stands on them alone (Linux: suspend_enter jumps over them).
void KvmGuest::choose_steps(Kind kind) noexcept {
    table_ = *config_.table;
    if (kind != Kind::s2idle) {
        return;
    }
    uint8_t kept = 0;
    for (uint8_t i = 0; i < table_.count; ++i) {
        const Step down = table_.rows[i].down;
        if (down < Step::park_vcpus) {
            table_.rows[kept++] = table_.rows[i];
        }
    }
    table_.count = kept;
}

/// The engine latches it: an abort before the guest sleeps. Where it sleeps already, it wakes.
void KvmGuest::on_wake(void* self) noexcept {
    auto& guest = *static_cast<KvmGuest*>(self);
    if (!guest.config_.bugs.has(Bug::wakeup_asked_twice)) {
        guest.engine_.call_off(Errc::called_off);
    }
}

Result<CycleResult> KvmGuest::suspend(const Request& request) noexcept {
    if (request.kind != Kind::s3 && request.kind != Kind::s2idle &&
        request.kind != Kind::hibernate && request.kind != Kind::pm_test) {
        return Errc::unsupported;
    }
    if (engine_.running()) {
        return Errc::busy;
    }
    kind_ = request.kind;
    choose_steps(kind_);
    lines_.arm(&KvmGuest::on_wake, this);
    const Result<CycleResult> result = engine_.run(request);
    lines_.disarm();
    watchdog_.touch_all(clock_.monotonic());
    remember_host();
    return result;
}

/// What the host's clock is like, so that a later look sees what has changed.
void KvmGuest::remember_host() noexcept {
    rebases_ = clock_.rebases();
    rate_ = clock_.tsc_ticks(kRateOverNs);
}

bool KvmGuest::collect_stops() noexcept {
    if (config_.bugs.has(Bug::stopped_flag_ignored)) {
        return false;
    }
    bool any = false;
    for (uint32_t cpu = 0; cpu < cpu_count(machine_); ++cpu) {
        any |= clock_.take_stopped(cpu);
    }
    stopped_ |= any;
    return any;
}

void KvmGuest::on_tick(uint32_t cpu) noexcept {
    const bool stopped = !config_.bugs.has(Bug::stopped_flag_ignored) && clock_.take_stopped(cpu);
    stopped_ |= stopped;
    watchdog_.tick(cpu, clock_.monotonic(), stopped);
}

void KvmGuest::put_wall_right(Finding& finding) noexcept {
    if (config_.bugs.has(Bug::wall_not_read)) {
        return;
    }
    const int64_t error = clock_.wall_error_ns();
    if (error > kWallBoundNs || (error < -kWallBoundNs && config_.wall_backward)) {
        clock_.step_wall(error);
        finding.wall_step_ns = error;
    }
}

Finding KvmGuest::look_around() noexcept {
    Finding finding;
    (void)collect_stops();
    const Nanoseconds now = clock_.monotonic();
    // The rates of two hosts that call themselves equal differ by less.
    constexpr Ticks kSameRate = 1000;
    const Ticks rate = clock_.tsc_ticks(kRateOverNs);
    const Ticks change = rate > rate_ ? rate - rate_ : rate_ - rate;
    finding.moved = change > kSameRate || clock_.rebases() != rebases_;
    finding.interrupted = stopped_ || finding.moved || generation_.notified();
    if (stopped_) {
        watchdog_.touch_all(now);
    }
    const Result<Descent> descent = generation_.look(finding.interrupted);
    finding.descent = descent.ok() ? descent.value() : Descent::snapshot;
    finding.reseed = descent.ok() ? Errc::none : descent.error().code;
    finding.moved |= finding.descent != Descent::same;
    finding.interrupted |= finding.moved;
    put_wall_right(finding);
    stopped_ = false;
    remember_host();
    if (finding.interrupted || finding.wall_step_ns != 0) {
        finding.interrupted = true;
        (void)engine_.record(finding.moved ? Kind::restore : Kind::pause,
                             finding.moved ? Outcome::resumed : Outcome::cancelled,
                             finding.moved ? DomainEvidence::unknown : DomainEvidence::same);
    }
    return finding;
}

}  // namespace v0
}  // namespace resume
