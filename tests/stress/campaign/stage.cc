#include "tests/stress/campaign/stage.h"

#include <cerrno>

#include <xen/io/xs_wire.h>

#include "tests/graveyard.h"
#include "tests/stress/campaign/faults.h"

namespace resume::stress {

namespace {

/// Of one cycle: nobody empties the ring while the guest waits ten seconds for a dead store, and
/// its timers tick on.
constexpr uint32_t kTraceCapacity = 1U << 14;
constexpr uint32_t kTickingTraceCapacity = 1U << 17;
constexpr uint32_t kSlowTickMs = 100;
constexpr uint32_t kLanes = 3;
constexpr uint32_t kForEver = 1'000'000;
constexpr const char* kPoked = "data/poke";
constexpr uint32_t kTaskInStore = 0, kTransactionTask = 1;

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
         .vcpu_info_busy = true,
         .wall_offset_ns = 700 * static_cast<int64_t>(model::kMillisecond)}};
    hosts.resize(count);
    return hosts;
}

ModelledGuestConfig config_of(const LifePlan& plan) {
    ModelledGuestConfig config;
    config.machine.guest = plan.guest;
    config.machine.vcpus = plan.vcpus;
    config.machine.seed = plan.seed;
    const bool ticks = plan.tick_ms != 0 && plan.tick_ms < kSlowTickMs;
    config.machine.trace_capacity = ticks ? kTickingTraceCapacity : kTraceCapacity;
    config.machine.hosts = hosts_of(plan.hosts);
    config.machine.exception_gates = plan.exception_gates;
    config.bugs = plan.bugs;
    config.callback = plan.vcpu_vector ? CallbackMode::vcpu_vector : CallbackMode::global_vector;
    config.policy = {.order = plan.order == 0 ? Policy::Order::by_index : Policy::Order::by_seed,
                     .seed = plan.order};
    config.tick_ms = plan.tick_ms;
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

Stage::Stage(const LifePlan& plan) : plan_{plan}, guest_{config_of(plan)} {
    machine().toolstack.down_timeout =
        3 * model::kSecond;  // of a refusal: a minute is only waiting
    guest_.device("rtc").behaviour.reads_clock = plan.reads_clock;
    guest_.device("rtc").behaviour.calls_cpus = plan.calls_cpus;
    for (const auto& device : guest_.devices()) {
        ordinary_.push_back(device->behaviour);
    }
}

Stage::~Stage() {
    if (!machine().alive()) {
        test::bury({poke_.release(), spare_.release()});
        return;
    }
    guest_.guest().store().forget(*poke_);
}

std::optional<std::string> Stage::begin() {
    const model::RunResult up = guest_.boot();
    if (up.end != model::GuestEnd::returned) {
        return std::string{"the guest does not boot: "} + name_of(up.end) + ": " + up.reason;
    }
    disk_ = std::make_unique<LoadedDisk>(guest_, disk_of(plan_), kLanes, plan_.seed, plan_.bugs);
    spare_ = std::make_unique<OrdinaryDevice>(guest_.guest(), "spare");
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
    if (!disk_->start()) {
        return "the disk does not connect at boot";
    }
    guest_.work_with([this] {
        disk_->disk.pump();
        if (has_net()) {
            net_->pump();
        }
    });
    guest_.run([this] { RESUME_ASSERT(guest_.guest().store().watch(*poke_).ok()); });
    return std::nullopt;
}

void Stage::arm(const PlannedCycle& cycle) {
    complaint_.clear();
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
    guest_.idle(cycle.awake_ms * model::kMillisecond);
    for (const PlannedFault& fault : cycle.faults) {
        if (fault.kind == FaultKind::task_killed) {
            guest_.run([this] { guest_.tasks().at(kTaskInStore).kill(); });
        }
    }
    disk_->load.stop();  // what is under way goes down with the guest
}

void Stage::arm(const PlannedFault& fault) {
    arm_device(fault);
    arm_backend(fault);
    arm_machine(fault);
    arm_calls(fault);
}

// A hook runs in the guest; what it allocates would be the guest's.
void Stage::act_in_hook(const PlannedFault& fault, std::function<void()> act) {
    auto& behaviour = guest_.devices()[fault.a]->behaviour;
    behaviour.meanwhile = [before = std::move(behaviour.meanwhile), act = std::move(act),
                           wanted = static_cast<Phase>(fault.b)](Phase phase) {
        if (before) {
            before(phase);
        }
        if (phase == wanted) {
            act();
        }
    };
}

void Stage::expect_busy(const Result<>& result, const char* what) {
    if (result.ok() || result.error().code != Errc::busy) {
        complaint_ = what;
    }
}

void Stage::remove_device(uint32_t index) {
    OrdinaryDevice& device = *guest_.devices()[index];
    if (device.registered()) {
        (void)guest_.guest().remove(device);  // busy: it leaves at the end of the cycle
    }
}

void Stage::arm_device(const PlannedFault& fault) {
    const auto behaviour = [this, &fault]() -> Behaviour& {
        return guest_.devices()[fault.a]->behaviour;
    };
    switch (fault.kind) {
        case FaultKind::device_refuses:
            behaviour().refuse = Errc::refused;
            behaviour().refuse_in = static_cast<Phase>(fault.b);
            break;
        case FaultKind::device_drains_late:
            behaviour().suspend_wait_ms = fault.b;
            break;
        case FaultKind::device_connects_late:
            behaviour().resume_wait_ms = fault.b;
            break;
        case FaultKind::device_never_ends:
            behaviour().never_completes = true;
            break;
        case FaultKind::call_off:
            act_in_hook(fault, [this] { guest_.guest().engine().call_off(Errc::called_off); });
            break;
        case FaultKind::second_suspend:
            act_in_hook(fault, [this] {
                const Result<CycleResult> second = guest_.guest().suspend();
                expect_busy(second.ok() ? Result<>{} : Result<>{second.error()},
                            "a second suspend in mid-cycle was not refused as busy");
            });
            break;
        case FaultKind::device_removed:
            act_in_hook(fault, [this, index = fault.c] { remove_device(index); });
            break;
        case FaultKind::device_added:
            act_in_hook(fault, [this] {
                expect_busy(guest_.guest().add(*spare_),
                            "a device was registered in mid-cycle and not refused as busy");
            });
            break;
        default:
            break;
    }
}

void Stage::arm_backend(const PlannedFault& fault) {
    model::Blkback& backend = disk_->backend;
    switch (fault.kind) {
        case FaultKind::backend_slow:
            backend.config.latency = fault.b * model::kMillisecond;
            break;
        case FaultKind::backend_stays:
            backend.stays_behind = true;
            break;
        case FaultKind::backend_unplugged:
            unplugged_ = true;
            machine().clock.after(fault.b * model::kMillisecond, [&backend] { backend.unplug(); });
            break;
        case FaultKind::backend_other:
            backend.disk.queues = fault.a;
            backend.disk.indirect_segments = fault.b;
            backend.disk.persistent = fault.c != 0;
            break;
        case FaultKind::backend_moved:
            backend.config.domid = static_cast<DomId>(fault.a);
            if (has_net()) {
                net_->backend.config.domid = backend.config.domid;
            }
            break;
        case FaultKind::backend_keeps:
            backend.replugs = false;
            if (has_net()) {
                net_->backend.replugs = false;
            }
            break;
        case FaultKind::interface_removed:
            if (has_net()) {
                lets_go_ = true;
                net_->backend.config.waits_for_frontend = false;
            }
            break;
        default:
            break;
    }
}

void Stage::storm(uint32_t events, Nanoseconds gap) {
    for (uint32_t i = 0; i < 10 && i < events; ++i) {
        machine().store->write(kPoked, std::to_string(events - i));
    }
    if (events > 10) {
        machine().clock.after(gap, [this, events, gap] { storm(events - 10, gap); });
    }
}

void Stage::arm_machine(const PlannedFault& fault) {
    model::FaultPlan& faults = machine().faults;
    const Nanoseconds wait = fault.b * model::kMillisecond;
    switch (fault.kind) {
        case FaultKind::task_refuses:
            guest_.tasks().at(fault.a).refuses = true;
            break;
        case FaultKind::task_in_store:
        case FaultKind::task_killed:
            faults.add({.site = model::FaultSite::store_request,
                        .number = XS_READ,
                        .times = kForEver,
                        .delay = wait});
            guest_.tasks().at(kTaskInStore).busy = true;
            guest_.idle(model::kMillisecond);
            break;
        case FaultKind::open_transaction:
            if (transaction_open_) {
                break;
            }
            guest_.run([this] {
                transaction_open_ = guest_.guest()
                                        .store()
                                        .begin(guest_.tasks().at(kTransactionTask).transaction)
                                        .ok();
            });
            break;
        case FaultKind::asked_twice:
            machine().toolstack.follow(model::HostAct::checkpoint);
            machine().clock.after(wait, [this] {
                // Before the cycle it would be one request, said twice.
                if (guest_.guest().engine().running()) {
                    machine().store->write("control/shutdown", "suspend");
                }
            });
            break;
        case FaultKind::watch_storm:
            storm(fault.a, wait);
            break;
        case FaultKind::time_stolen:
            machine().vcpus.add_steal(fault.a % plan_.vcpus, wait);  // a smaller plan has fewer
            break;
        case FaultKind::host_gives_up:
            machine().toolstack.ack_timeout = wait;
            break;
        default:
            break;
    }
}

void Stage::arm_calls(const PlannedFault& fault) {
    model::FaultPlan& faults = machine().faults;
    const Nanoseconds wait = fault.b * model::kMillisecond;
    switch (fault.kind) {
        case FaultKind::hypercall_fails:
            faults.add({.number = calls_back()[fault.a].number,
                        .sub = calls_back()[fault.a].sub,
                        .skip = fault.b,
                        .error = static_cast<int32_t>(fault.c)});
            break;
        case FaultKind::hypercall_slow:
            faults.add({.number = calls_back()[fault.a].number,
                        .sub = calls_back()[fault.a].sub,
                        .times = 4,
                        .delay = wait});
            break;
        case FaultKind::store_fails:
            faults.add({.site = model::FaultSite::store_request,
                        .number = store_requests()[fault.a].number,
                        .error = EAGAIN});
            break;
        case FaultKind::store_slow:
            for (const NamedCall& request : store_requests()) {
                faults.add({.site = model::FaultSite::store_request,
                            .number = request.number,
                            .times = kForEver,
                            .delay = wait});
            }
            break;
        case FaultKind::vcpu_not_parked:
            faults.add({.site = model::FaultSite::park, .number = fault.a});
            break;
        default:
            break;
    }
}

void Stage::put_back_devices() {
    for (size_t i = 0; i < ordinary_.size(); ++i) {
        OrdinaryDevice& device = *guest_.devices()[i];
        device.behaviour = ordinary_[i];
        if (!device.registered()) {
            guest_.run([this, &device] {
                if (!guest_.guest().add(device).ok()) {
                    complaint_ = "a device that was removed cannot be registered again";
                }
            });
        }
    }
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
    put_back_devices();
    for (uint32_t i = 0; i < kTasks; ++i) {
        guest_.tasks().at(i).refuses = false;
        guest_.run([this, i] { guest_.tasks().at(i).stop(); });
    }
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
