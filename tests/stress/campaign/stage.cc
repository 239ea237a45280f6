#include "tests/stress/campaign/stage.h"

#include "tests/graveyard.h"

namespace resume::stress {

namespace {

/// Of one cycle: nobody empties the ring while the guest waits ten seconds for a dead store, and
/// its timers tick on.
constexpr uint32_t kTraceCapacity = 1U << 14;
constexpr uint32_t kTickingTraceCapacity = 1U << 17;
constexpr uint32_t kSlowTickMs = 100;
constexpr uint32_t kLanes = 3;

/// The plan's first host and two that a migration finds different: younger, faster, with another
/// wall clock, with timers that tick unasked.
std::vector<model::HostConfig> hosts_of(uint32_t count) {
    std::vector<model::HostConfig> hosts{
        {},
        {.uptime = 5 * model::kSecond,
         .tsc_hz = 1'900'000'000,
         .tsc_start = 9'000'000,
         .vcpu_period = 10 * model::kMillisecond},
        {.uptime = 90'000 * model::kSecond,
         .tsc_hz = 3'100'000'000,
         .fifo = false,
         .vcpu_info_busy = true,
         .wall_offset_ns = 700 * static_cast<int64_t>(model::kMillisecond)}};
    hosts.resize(count);
    return hosts;
}

ModelledGuestConfig config_of(const LifePlan& plan, Chooser* chooser) {
    ModelledGuestConfig config;
    config.machine.guest = plan.guest;
    config.machine.vcpus = plan.vcpus + plan.spare_vcpus;
    config.machine.offline = plan.spare_vcpus;
    config.machine.seed = plan.seed;
    const bool ticks = plan.tick_ms != 0 && plan.tick_ms < kSlowTickMs;
    config.machine.trace_capacity = ticks ? kTickingTraceCapacity : kTraceCapacity;
    config.machine.hosts = hosts_of(plan.hosts);
    config.machine.exception_gates = plan.exception_gates;
    config.bugs = plan.bugs;
    config.callback = plan.vcpu_vector ? CallbackMode::vcpu_vector : CallbackMode::global_vector;
    config.policy = {.order = plan.order == 0 ? Policy::Order::by_index : Policy::Order::by_seed,
                     .seed = plan.order};
    if (chooser != nullptr) {
        config.policy = chooser->policy();
    }
    config.tick_ms = plan.tick_ms;
    config.devices = plan.devices;
    config.table = plan.table;
    config.fifo = plan.fifo;
    config.hook_deadline_ms = 2'000;
    return config;
}

model::BlkbackConfig disk_of(const LifePlan& plan) {
    model::BlkbackConfig disk;
    disk.queues = plan.queues;
    disk.indirect_segments = plan.segments;
    disk.persistent = plan.persistent;
    disk.sectors = kLanes * kLaneSectors;
    disk.service = 20 * model::kMillisecond;  // so that requests are under way in each cycle
    return disk;
}

}  // namespace

Stage::Stage(const LifePlan& plan, Chooser* chooser)
    : plan_{plan}, guest_{config_of(plan, chooser)} {
    if (chooser != nullptr) {
        chooser->attach(guest_);
    }
    machine().toolstack.down_timeout =
        3 * model::kSecond;  // of a refusal: a minute is only waiting
    if (!guest_.devices().empty()) {
        Behaviour& last = guest_.devices().back()->behaviour;
        last.reads_clock = plan.reads_clock;
        last.calls_cpus = plan.calls_cpus;
    }
}

Stage::~Stage() {
    if (!machine().alive()) {
        test::bury({poke_.release(), part_.release()});
        return;
    }
    if (part_) {
        guest_.run([this] { part_->detach(); });
    }
    guest_.guest().store().forget(*poke_);
}

std::optional<std::string> Stage::begin() {
    const model::RunResult up = guest_.boot();
    if (up.end != model::GuestEnd::returned) {
        return std::string{"the guest does not boot: "} + name_of(up.end) + ": " + up.reason;
    }
    disk_ = std::make_unique<LoadedDisk>(guest_, disk_of(plan_), kLanes, plan_.seed, plan_.bugs);
    own_devices_ = std::make_unique<DeviceFaults<ModelledGuest>>(guest_);
    poke_->path = kPoked;
    poke_->argument = this;
    poke_->fired = [](void* self, const char*) noexcept {
        ++static_cast<Stage*>(self)->storm_events_;
    };
    if (plan_.network) {
        model::NetbackConfig backing;
        backing.queues = plan_.queues;
        net_ = std::make_unique<LoadedNet>(guest_, backing, plan_.seed, plan_.bugs);
        net_->start();
    }
    if (plan_.balloon) {
        balloon_ = std::make_unique<LoadedBalloon>(guest_, plan_.seed, plan_.bugs);
        balloon_->start();
    }
    if (!disk_->start()) {
        return "the disk does not connect at boot";
    }
    if (const auto trouble = begin_part()) {
        return trouble;
    }
    if (plan_.spoil != nullptr) {
        guest_.run([this] { spoil_drivers(); });
    }
    guest_.work_with([this] {
        disk_->disk.pump();
        if (has_net()) {
            net_->pump();
        }
        if (balloon_) {
            balloon_->balloon.pump();
        }
        if (part_) {
            part_->pump();
        }
    });
    guest_.run([this] { RESUME_ASSERT(guest_.guest().store().watch(*poke_).ok()); });
    return std::nullopt;
}

std::optional<std::string> Stage::begin_part() {
    if (plan_.part == nullptr) {
        return std::nullopt;
    }
    part_ = plan_.part(machine(), guest_.guest());
    Result<> attached{};
    const model::RunResult run = guest_.run([&] { attached = part_->attach(); });
    if (run.end != model::GuestEnd::returned) {
        return std::string{"the guest ends where the driver is attached: "} + name_of(run.end) +
               ": " + run.reason;
    }
    return attached.ok() ? std::nullopt
                         : std::optional{std::string{"the driver cannot be attached: "} +
                                         name_of(attached.error().code)};
}

void Stage::spoil_drivers() {
    XenGuest& guest = guest_.guest();
    std::vector<Device*> drivers{&guest.hypercall_page(), &guest.shared_info(), &guest.callback(),
                                 &guest.events(),         &guest.timer(),       &guest.time(),
                                 &guest.grants(),         &guest.unplug(),      &guest.console(),
                                 &guest.store(),          &disk_->disk};
    if (net_) {
        drivers.push_back(&net_->net);
    }
    if (balloon_) {
        drivers.push_back(&balloon_->balloon);
    }
    if (plan_.spare_vcpus != 0) {
        drivers.push_back(&guest_.vcpus());
    }
    plan_.spoil(drivers);
}

void Stage::arm(const PlannedCycle& cycle) {
    own_devices_->forget_complaint();
    torn_ = false;
    for (const PlannedFault& fault : cycle.faults) {
        arm(fault);
    }
    if (has_net()) {
        net_->running = cycle.load && net_->backend.replugs;
    }
    if (cycle.load && !disk_is_gone() && disk_->backend.replugs) {
        guest_.run([this] { disk_->load.start(); });
    }
    if (cycle.awake_ms != 0) {
        guest_.idle(cycle.awake_ms * model::kMillisecond);
    }
    for (const PlannedFault& fault : cycle.faults) {
        if (fault.kind == FaultKind::task_killed) {
            guest_.run([this] { guest_.tasks().at(kTaskInStore).kill(); });
        }
    }
    disk_->load.stop();  // what is under way goes down with the guest
}

void Stage::calm() {
    machine().faults.clear();
    machine().toolstack.ack_timeout = 60 * model::kSecond;
    disk_->backend.config.latency = model::BackendConfig{}.latency;
    disk_->backend.replugs = true;
    if (has_net()) {
        net_->running = false;
        net_->backend.replugs = true;
        if (lets_go_ && !net_->remove()) {
            return;
        }
        lets_go_ = false;
    }
    own_devices_->calm();
    for (uint32_t i = 0; i < kTasks; ++i) {
        guest_.tasks().at(i).refuses = false;
    }
    guest_.run([this] { guest_.tasks().stop(); });
    if (transaction_open_) {
        transaction_open_ = false;
        guest_.run([this] {
            const Result<> ended =
                guest_.guest().store().end(guest_.tasks().at(kTransactionTask).transaction, true);
            torn_ = !ended.ok() && ended.error().code == Errc::again;
        });
    }
}

}  // namespace resume::stress
