#include "tests/mutants/victim.h"

#include "tests/support/hotplug.h"

namespace resume::mutants {
namespace {

// Holes and pages as a kernel would choose them.
constexpr Gfn kHypercallPage = 0x100;
constexpr Gfn kAreas = 0x200;
constexpr Gfn kFifoBlocks = 0x300;
constexpr Gfn kFifoArray = 0x301;
constexpr Gfn kSharedInfo = 0xfe700;
constexpr Gfn kGrantTable = 0xfe800;

model::MachineConfig machine_of(model::GuestKind guest, CycleKind kind) {
    model::MachineConfig config;
    config.guest = guest;
    config.vcpus = Victim::kMostVcpus;
    config.offline = Victim::kMostVcpus - Victim::kVcpus;
    config.trace_capacity = 1U << 17;
    config.patience = 1'200 * model::kSecond;
    if (kind == CycleKind::migration) {
        model::HostConfig younger;
        younger.uptime = 2 * model::kSecond;
        younger.vcpu_period = 10 * model::kMillisecond;
        config.hosts = {model::HostConfig{}, younger};
    }
    return config;
}

XenGuestConfig guest_of(Machine& machine, const StepTable& table, Citizens& citizens,
                        uint32_t* ipis) {
    for (const Gfn frame : {kHypercallPage, kAreas, kFifoBlocks, kFifoArray}) {
        machine.memory.make_ram(frame);
    }
    XenGuestConfig config;
    config.pages = {.hypercall_page = kHypercallPage,
                    .shared_info = kSharedInfo,
                    .vcpu_areas = kAreas,
                    .grant_table = kGrantTable,
                    .grant_frames = 1};
    config.tasks = Citizens::tasks(citizens);
    config.table = &table;
    config.ipi = [](void* counters, uint32_t cpu) noexcept {
        ++static_cast<uint32_t*>(counters)[cpu];
    };
    config.ipi_argument = ipis;
    if (machine.config.guest == model::GuestKind::xen_hvm) {
        config.callback.mode = CallbackMode::vcpu_vector;
        config.unplug = static_cast<UnplugMask>(3);  // IDE disks and network cards
    } else {
        config.pages.fifo = {.control = kFifoBlocks, .array = kFifoArray, .array_pages = 1};
    }
    return config;
}

model::BlkbackConfig disk_of() {
    model::BlkbackConfig config;
    config.queues = 2;
    config.indirect_segments = 16;
    config.service = 20 * model::kMillisecond;  // so that requests are under way in every cycle
    return config;
}

model::NetbackConfig interface_of() {
    model::NetbackConfig config;
    config.queues = 2;
    return config;
}

struct Expected {
    const char* name;
    model::HostAct act;
    Outcome outcome;
    DomainEvidence evidence;
    bool errand_succeeds;
};
constexpr Expected kExpected[kCycleKindCount] = {
    {"checkpoint", model::HostAct::checkpoint, Outcome::cancelled, DomainEvidence::unknown, true},
    {"failed-migration", model::HostAct::migrate_fails_late, Outcome::cancelled,
     DomainEvidence::unknown, false},
    {"slow", model::HostAct::slow, Outcome::resumed, DomainEvidence::same, true},
    {"in-place", model::HostAct::in_place, Outcome::resumed, DomainEvidence::fresh, true},
    {"restore", model::HostAct::save_restore, Outcome::resumed, DomainEvidence::fresh, true},
    {"migration", model::HostAct::migrate, Outcome::resumed, DomainEvidence::fresh, true},
    {"refused", model::HostAct::checkpoint, Outcome::aborted, DomainEvidence::unknown, false},
    {"refused-late", model::HostAct::checkpoint, Outcome::aborted, DomainEvidence::unknown, false},
};

const Expected& expected_of(CycleKind kind) {
    return kExpected[static_cast<uint8_t>(kind)];
}

}  // namespace

const char* name_of(CycleKind kind) noexcept {
    return expected_of(kind).name;
}

Victim::Victim(model::GuestKind of, CycleKind kind, const StepTable& table)
    : Living{machine},
      machine{machine_of(of, kind)},
      guest{machine, guest_of(machine, table, citizens_, ipis_)},
      backend{machine.add_backend<model::Blkback>(disk_of())},
      disk{machine,
           guest.events(),
           guest.grants(),
           guest.store(),
           {.name = "vbd", .memory = memory.get(), .queues = kQueues},
           Bugs{}},
      netback{machine.add_backend<model::Netback>(interface_of())},
      net{machine,
          guest.events(),
          guest.grants(),
          guest.store(),
          {.name = "vif",
           .memory = net_memory.get(),
           .queues = kQueues,
           .user = {.self = &frames, .received = &FrameLoad::on_received}},
          Bugs{}},
      frames{machine, net, 1},
      balloon{machine,
              guest.store(),
              {.pool = pool.get(), .pages = kPool, .user = pages.user()},
              Bugs{}},
      vcpus{machine,
            guest.store(),
            {.most = kMostVcpus,
             .self = this,
             .start =
                 [](void* self, uint32_t cpu) noexcept {
                     auto& of = *static_cast<Victim*>(self);
                     return test::start_vcpu(of.machine, of.guest, cpu, [] {});
                 },
             .stop =
                 [](void* self, uint32_t cpu) noexcept {
                     auto& of = *static_cast<Victim*>(self);
                     return test::stop_vcpu(of.machine, of.guest, cpu);
                 }},
            Bugs{}},
      kind_{kind},
      handshake_{machine, guest.store(), {}},
      citizens_{machine,
                {.store_closed = [this] { return guest.store().closed(); },
                 .inside_store = [this](uint32_t task) { return guest.store().inside(task); },
                 .use_store = [this] { return guest.store().write("data/disk", "1", 1); },
                 .read_clock = [this] { static_cast<void>(guest.time().monotonic()); }}} {
    poke_.path = "data/poke";
    poke_.argument = this;
    poke_.fired = [](void* self, const char*) noexcept { ++static_cast<Victim*>(self)->pokes_; };
    netback.wire = [this](const model::Netback::Frame& frame) {
        // On their way back for so long that some are when the guest goes down.
        machine.clock.after(20 * model::kMillisecond, [this, frame] { netback.deliver(frame); });
    };
    citizens_.bystander = [this] {
        balloon.pump();
        vcpus.pump();
    };
    guest.timer().set_handler(
        [](void* self, uint32_t cpu) noexcept { ++static_cast<Victim*>(self)->timer_fired_[cpu]; },
        this);
}

Victim::~Victim() {
    guest.store().forget(poke_);
    if (machine.alive() && started_) {
        machine.run([this] { static_cast<void>(handshake_.stop().ok()); });
    }
    citizens_.remove(guest);
    if (machine.alive() && disk.registered()) {
        machine.run([this] {
            disk.stop();
            net.stop();
            balloon.stop();
            vcpus.stop();
        });
    }
    if (disk.registered()) {
        static_cast<void>(guest.remove(disk).ok());
        static_cast<void>(guest.remove(net).ok());
        static_cast<void>(guest.remove(balloon).ok());
        static_cast<void>(guest.remove(vcpus).ok());
    }
    // The machine would go on to wipe the holes of a pool that is no more.
    for (uint32_t i = 0; i < kPool; ++i) {
        machine.memory.make_ram(machine.memory.frame_of(&pool[i]));
    }
    backend.vanish();
    netback.vanish();
}

Device* Victim::driver(size_t index) noexcept {
    Device* const drivers[] = {&guest.hypercall_page(),
                               &guest.shared_info(),
                               &guest.callback(),
                               &guest.events(),
                               &guest.timer(),
                               &guest.time(),
                               &guest.grants(),
                               &guest.unplug(),
                               &guest.console(),
                               &guest.store(),
                               &disk,
                               &net,
                               &balloon,
                               &vcpus};
    return index < sizeof drivers / sizeof *drivers ? drivers[index] : nullptr;
}

bool Victim::boot() {
    const model::RunResult booted = machine.boot([this](BootContext& boot) {
        bool good = guest.boot(boot).ok();
        // A CPU that boots is told so by none of its interrupts: they are not set up yet.
        for (uint32_t cpu = 1; cpu < kVcpus; ++cpu) {
            machine.vcpus.set_current(cpu);
            good = good && guest.boot_cpu(boot).ok();
        }
        machine.vcpus.set_current(0);
        if (!good) {
            fail("a driver does not boot");
        }
    });
    if (booted.end != model::GuestEnd::returned) {
        return fail("the guest does not boot: " + booted.reason);
    }
    return run_guest([this] {
        const bool good = guest.store().start().ok() && handshake_.start().ok() &&
                          guest.store().watch(poke_).ok() && citizens_.add(guest).ok() &&
                          guest.add(disk).ok() && guest.add(net).ok() && guest.add(balloon).ok() &&
                          guest.add(vcpus).ok();
        disk.start();
        net.start();
        balloon.start();
        vcpus.start();
        idle(model::kSecond);
        started_ = true;
        if (!good) {
            fail("the store does not start");
        }
    });
}

void Victim::idle(Nanoseconds time) {
    const Ticks end = raw_counter(machine) + counter_hz(machine) / 1'000'000 * (time / 1'000);
    while (raw_counter(machine) < end) {
        guest.pump();
        disk.pump();
        net.pump();
        balloon.pump();
        vcpus.pump();
        wait_for_interrupt(machine, end);
    }
}

// The toolstack asks; the guest obeys, and tells what came of it.
bool Victim::cycle() {
    const Expected& expected = expected_of(kind_);
    citizens_.disk.refuses = kind_ == CycleKind::refused ? Phase::suspend : Phase::none;
    citizens_.bus.refuses = kind_ == CycleKind::refused_late ? Phase::suspend_noirq : Phase::none;
    result_.reset();
    alarms_before_[0] = timer_fired_[0];
    alarms_before_[1] = timer_fired_[1];
    const bool came_back = run_guest([this, &expected] {
        machine.toolstack.start(expected.act);
        const Ticks end = raw_counter(machine) + counter_hz(machine) * 120;
        while (!result_ && raw_counter(machine) < end) {
            guest.pump();
            if (!handshake_.fired()) {
                wait_for_interrupt(machine, end);
                continue;
            }
            const auto request = handshake_.poll();
            if (request.ok() && request.value().word == ShutdownWord::suspend) {
                begin_transfers();
                told_before_ = netback.announcements();
                frames.burst();
                want_out(kOutAway);
                want_vcpus(kMostVcpus);
                const Result<CycleResult> done = guest.suspend();
                if (!done.ok() || !handshake_.finished(done.value().outcome).ok()) {
                    fail("the request cannot be finished");
                    return;
                }
                result_ = done.value();
            }
        }
        // The toolstack's side of it, until it is over.
        while (machine.toolstack.busy() && raw_counter(machine) < end) {
            idle(model::kSecond);
        }
    });
    if (!came_back) {
        return false;
    }
    if (!result_) {
        return fail("nobody suspends within 120 s of the request");
    }
    if (result_->outcome != expected.outcome) {
        return fail(std::string{"the outcome is "} + resume::name_of(result_->outcome) + ": " +
                    resume::name_of(result_->cause.code) + " at " +
                    resume::name_of(result_->stopped_at));
    }
    if (result_->evidence != expected.evidence) {
        return fail(std::string{"the evidence says "} + resume::name_of(result_->evidence));
    }
    if (result_->errors_up != 0) {
        return fail("errors on the way up");
    }
    if (machine.toolstack.errands().back().succeeded != expected.errand_succeeds) {
        return fail("the toolstack: " + machine.toolstack.errands().back().message);
    }
    return true;
}

oracle::TraceView Victim::sights() {
    oracle::TraceView view;
    view.guest = name_of(machine.config.guest);
    view.vcpus = kMostVcpus;
    view.frequency = machine.config.hosts.front().tsc_hz;
    view.sights = Sight::all;
    return view;
}

}  // namespace resume::mutants
