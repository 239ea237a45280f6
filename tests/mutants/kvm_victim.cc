#include "tests/mutants/kvm_victim.h"

#include <cstdlib>

namespace resume::mutants {
namespace {

constexpr Nanoseconds kStolen = 3 * model::kMillisecond;
constexpr Nanoseconds kAsleep = 3 * model::kSecond;

struct Expected {
    const char* name;
    Kind kind;
    Outcome outcome;
    DomainEvidence evidence;
};
constexpr Expected kExpected[] = {
    {"s3", Kind::s3, Outcome::resumed, DomainEvidence::fresh},
    {"s3-no-sleep", Kind::s3, Outcome::cancelled, DomainEvidence::unknown},
    {"s2idle", Kind::s2idle, Outcome::resumed, DomainEvidence::unknown},
    {"image", Kind::hibernate, Outcome::resumed, DomainEvidence::fresh},
    {"image-made", Kind::hibernate, Outcome::cancelled, DomainEvidence::unknown},
    {"refused", Kind::s3, Outcome::aborted, DomainEvidence::unknown},
    {"refused-late", Kind::s3, Outcome::aborted, DomainEvidence::unknown},
    {"woken", Kind::s3, Outcome::aborted, DomainEvidence::unknown},
};

const Expected& expected_of(KvmCycleKind kind) {
    return kExpected[static_cast<uint8_t>(kind)];
}

model::MachineConfig machine_of(KvmCycleKind kind) {
    model::MachineConfig config;
    config.guest = model::GuestKind::kvm;
    config.vcpus = KvmVictim::kVcpus;
    config.hosts = {{}, {.uptime = 5 * model::kSecond, .tsc_hz = 1'400'000'000, .tsc_start = 77}};
    for (model::HostConfig& host : config.hosts) {
        host.firmware_sleeps = kind != KvmCycleKind::s3_no_sleep;
    }
    return config;
}

}  // namespace

KvmGuestConfig KvmVictim::config_of(const StepTable& table) {
    KvmGuestConfig config;
    config.areas = areas_.of;
    config.wall = &wall_;
    config.generation.shown = static_cast<const GenerationId*>(machine.kvm->generation());
    config.generation.reseed = [](void*, const GenerationId&) noexcept { return Result<>{}; };
    config.sleep = {.pm1a_control = 0x604, .sleep_type = 1};
    config.tasks = Citizens::tasks(citizens_);
    config.wall_backward = true;
    config.pump = [](void* self) noexcept { static_cast<KvmVictim*>(self)->virtio_.pump(); };
    config.pump_argument = this;
    config.table = &table;
    return config;
}

KvmVictim::KvmVictim(KvmCycleKind kind, const StepTable& table)
    : Living{machine},
      kind_{kind},
      machine{machine_of(kind)},
      citizens_{machine, {.read_clock = [this] { static_cast<void>(guest_.time().monotonic()); }}},
      guest_{machine, config_of(table)},
      virtio_{machine, guest_} {
    machine.kvm->image_fate =
        kind == KvmCycleKind::image_made ? model::ImageFate::made : model::ImageFate::restored;
    button_.wakes = true;
    button_.argument = this;
    button_.handler = [](void* self) noexcept { ++static_cast<KvmVictim*>(self)->pressed_; };
    guest_.timer().set_handler(
        [](void* self, uint32_t cpu) noexcept { ++static_cast<KvmVictim*>(self)->fired_[cpu]; },
        this);
}

KvmVictim::~KvmVictim() {
    virtio_.remove();
    citizens_.remove(guest_);
}

Device* KvmVictim::driver(size_t index) noexcept {
    Device* const drivers[] = {&guest_.timer(),      &guest_.time(),  &guest_.steal(),
                               &guest_.generation(), &virtio_.disk(), &virtio_.net()};
    return index < sizeof drivers / sizeof *drivers ? drivers[index] : nullptr;
}

bool KvmVictim::boot() {
    const model::RunResult booted = machine.boot([this](BootContext& boot) {
        const bool good =
            guest_.boot(boot).ok() && guest_.attach(boot, button_).ok() && virtio_.boot(boot).ok();
        machine.vcpus.run_on(1, [&] { guest_.boot_cpu(1); });
        if (!good) {
            fail("a driver does not boot");
        }
    });
    if (booted.end != model::GuestEnd::returned) {
        return fail("the guest does not boot: " + booted.reason);
    }
    machine.kvm->route(model::KvmSource::wakeup, button_.vector);
    machine.kvm->route(model::KvmSource::generation, guest_.generation().line().vector);
    return run_guest([this] {
        if (!citizens_.add(guest_).ok() || !virtio_.add().ok()) {
            fail("the citizens cannot be added");
        }
        idle(model::kSecond);
    });
}

void KvmVictim::idle(Nanoseconds time) {
    const Ticks end = raw_counter(machine) + counter_hz(machine) / 1'000'000 * (time / 1'000);
    while (raw_counter(machine) < end) {
        virtio_.pump();
        wait_for_interrupt(machine, end);
    }
}

bool KvmVictim::arm_timers(Nanoseconds delay) {
    for (uint32_t cpu = 0; cpu < kVcpus; ++cpu) {
        fired_before_[cpu] = fired_[cpu];
    }
    struct Arming {
        ApicTimer& timer;
        Nanoseconds delay;
    };
    return run_guest([this, delay] {
        Arming arming{guest_.timer(), delay};
        on_each_cpu(
            machine,
            [](Machine&, uint32_t, void* argument) noexcept {
                const auto& of = *static_cast<Arming*>(argument);
                of.timer.arm_after(of.delay);
            },
            &arming);
    });
}

bool KvmVictim::cycle() {
    const Expected& expected = expected_of(kind_);
    citizens_.disk.refuses = kind_ == KvmCycleKind::refused ? Phase::suspend : Phase::none;
    citizens_.bus.refuses =
        kind_ == KvmCycleKind::refused_late ? Phase::suspend_noirq : Phase::none;
    citizens_.disk.meanwhile = [this](Phase phase) {
        if (phase == Phase::suspend && kind_ == KvmCycleKind::woken) {
            const model::HostSection host{machine};
            machine.kvm->wake();
            machine.vcpus.deliver();
        }
    };
    if (expected.outcome == Outcome::resumed && expected.kind != Kind::hibernate) {
        machine.kvm->wake_after(kAsleep);
    }
    if (kind_ == KvmCycleKind::image && round() == 2) {
        // The second image is loaded in a machine of another generation.
        machine.kvm->devices_reset = [this] { machine.kvm->show_generation(); };
    }
    std::optional<CycleResult> result;
    if (!run_guest([&] {
            virtio_.load();
            const auto done = guest_.suspend({.kind = expected.kind});
            if (done.ok()) {
                result = done.value();
            }
            virtio_.unload();
        })) {
        return false;
    }
    if (!result) {
        return fail("the guest does not suspend");
    }
    if (result->outcome != expected.outcome) {
        return fail(std::string{"the outcome is "} + resume::name_of(result->outcome) + ": " +
                    resume::name_of(result->cause.code) + " at " +
                    resume::name_of(result->stopped_at));
    }
    if (result->evidence != expected.evidence) {
        return fail(std::string{"the evidence says "} + resume::name_of(result->evidence));
    }
    return result->errors_up == 0 || fail("errors on the way up");
}

bool KvmVictim::live() {
    return run_guest([this] {
               idle(25 * model::kSecond);
               for (uint32_t cpu = 0; cpu < kVcpus; ++cpu) {
                   if (fired_[cpu] != fired_before_[cpu] + 1) {
                       fail("a timer armed before the cycle did not fire once");
                   }
               }
               Kvmclock& time = guest_.time();
               const Nanoseconds monotonic = time.monotonic();
               if (monotonic <= last_monotonic_) {
                   fail("the clock went back");
               }
               last_monotonic_ = monotonic;
               const auto wall = static_cast<int64_t>(time.wall());
               if (std::abs(static_cast<int64_t>(machine.kvm->real_time()) - wall) >
                   KvmGuest::kWallBoundNs) {
                   fail("the wall clock is wrong");
               }
               idle(model::kSecond);
               const Nanoseconds second = time.monotonic() - monotonic;
               if (second < 900 * model::kMillisecond || second > 1'100 * model::kMillisecond) {
                   fail("the clock does not run as time does");
               }
               if (time.unsettled_reads() != 0 || time.rebases() != 0) {
                   fail("a clock does not settle, or had to be set right");
               }
           }) &&
           check_timers() && check_virtio() && check_rest();
}

bool KvmVictim::check_virtio() {
    const Kind kind = expected_of(kind_).kind;
    const bool reset = expected_of(kind_).outcome == Outcome::resumed && kind != Kind::s2idle;
    return run_guest([&] {
        const std::string what = virtio_.check(reset, [this](Nanoseconds time) { idle(time); });
        if (!what.empty()) {
            fail(what);
        }
    });
}

bool KvmVictim::check_timers() {
    return arm_timers(10 * model::kMillisecond) && run_guest([this] {
               idle(model::kSecond);
               for (uint32_t cpu = 0; cpu < kVcpus; ++cpu) {
                   if (fired_[cpu] == fired_before_[cpu]) {
                       fail("a timer does not fire");
                   }
               }
           });
}

bool KvmVictim::check_rest() {
    return run_guest([this] {
        StealTime& steal = guest_.steal();
        const Nanoseconds stolen = steal.stolen(0) + steal.stolen(1);
        for (uint32_t cpu = 0; cpu < kVcpus; ++cpu) {
            machine.kvm->add_steal(cpu, kStolen);
        }
        idle(model::kSecond);
        if (steal.stolen(0) + steal.stolen(1) != stolen + 2 * kStolen) {
            fail("stolen time is not seen");
        }
        const uint32_t before = pressed_;
        machine.kvm->wake();
        idle(10 * model::kMillisecond);
        if (pressed_ != before + 1) {
            fail("a device's interrupt does not arrive");
        }
        const Finding found = guest_.look_around();
        if (found.interrupted) {
            fail("something is found that did not happen");
        }
    });
}

oracle::TraceView KvmVictim::sights() {
    oracle::TraceView view;
    view.guest = model::name_of(model::GuestKind::kvm);
    view.vcpus = kVcpus;
    view.frequency = machine.timekeeping.hz();
    view.sights = Sight::platform | Sight::hypercalls;
    return view;
}

Field kvm_field(Equivalents& equivalents) {
    Field field;
    field.guest = model::name_of(model::GuestKind::kvm);
    for (const Expected& row : kExpected) {
        field.kinds.emplace_back(row.name);
    }
    field.all = [] {
        KvmVictim sample{KvmCycleKind::s3, kStepTable};
        std::vector<Device*> drivers;
        while (Device* const driver = sample.driver(drivers.size())) {
            drivers.push_back(driver);
        }
        return all_mutations(drivers);
    };
    field.calls = [](size_t kind) {
        KvmVictim unchanged{static_cast<KvmCycleKind>(kind), kStepTable};
        static_cast<void>(unchanged.run());
        const Trace& trace = unchanged.machine.trace;
        auto all = swallowed(trace, EventKind::msr_written, model::FaultSite::msr_write, false);
        const auto more =
            swallowed(trace, EventKind::io_port_written, model::FaultSite::io_write, false);
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    field.run = [](size_t kind, const Mutation& mutation) {
        const StepTable table = table_of(mutation);
        KvmVictim victim{static_cast<KvmCycleKind>(kind), table};
        const auto broken = [&] {
            break_guest(mutation, victim.machine, victim.driver(mutation.driver));
        };
        if (mutation.change == Change::swallow_call) {
            broken();  // counted from boot
        } else {
            victim.mutate = broken;
        }
        return victim.run();
    };
    field.equivalents = &equivalents;
    return field;
}

}  // namespace resume::mutants
