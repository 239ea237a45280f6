#include "tests/stress/campaign/kvm_stage.h"

#include <linux/virtio_blk.h>

#include <array>

#include "tests/stress/campaign/faults.h"

namespace resume::stress {

namespace {

constexpr uint32_t kTraceCapacity = 1U << 14;
constexpr uint32_t kTickingTraceCapacity = 1U << 17;  ///< it ticks on in s2idle
constexpr uint32_t kLanes = 3;
constexpr Nanoseconds kAsleep = 20 * model::kSecond;
constexpr Nanoseconds kAway = 300 * model::kMillisecond;
constexpr Nanoseconds kPaused = 30 * model::kSecond;  ///< longer than a watchdog waits

/// The plan's first host and two that a guest finds different: younger, with a TSC of its own and a
/// monitor that does not say that the guest was stopped; older, with another wall clock, one that
/// leaves the guest's clock behind, a disk without a cache to flush.
std::vector<model::HostConfig> hosts_of(uint32_t count) {
    std::vector<model::HostConfig> hosts{{},
                                         {.uptime = 5 * model::kSecond,
                                          .tsc_hz = 1'900'000'000,
                                          .tsc_start = 9'000'000,
                                          .tsc_emulated = false,
                                          .says_stopped = false},
                                         {.uptime = 90'000 * model::kSecond,
                                          .tsc_hz = 3'100'000'000,
                                          .wall_offset_ns = 700'000'000,
                                          .clock_carried = false,
                                          .virtio_features = ~(uint64_t{1} << VIRTIO_BLK_F_FLUSH),
                                          .steal_counter = 77}};
    hosts.resize(count);
    return hosts;
}

KvmModelledGuestConfig config_of(const LifePlan& plan, Chooser* chooser) {
    KvmModelledGuestConfig config;
    config.machine.vcpus = plan.vcpus;
    config.machine.seed = plan.seed;
    config.machine.trace_capacity = plan.tick_ms != 0 ? kTickingTraceCapacity : kTraceCapacity;
    config.machine.hosts = hosts_of(plan.hosts);
    config.machine.exception_gates = plan.exception_gates;
    config.policy = {.order = plan.order == 0 ? Policy::Order::by_index : Policy::Order::by_seed,
                     .seed = plan.order};
    if (chooser != nullptr) {
        config.policy = chooser->policy();
    }
    config.bugs = plan.bugs;
    config.table = plan.table;
    config.devices = plan.devices;
    config.hook_deadline_ms = 2'000;
    config.tick_ms = plan.tick_ms;
    return config;
}

LoadedVirtioConfig load_of(const LifePlan& plan) {
    LoadedVirtioConfig load;
    load.disk.service = 20 * model::kMillisecond;  // so that requests are under way in each cycle
    load.lanes = kLanes;
    load.seed = plan.seed;
    load.bugs = plan.bugs;
    return load;
}

constexpr Kind kind_of(KvmWant want) {
    return want == KvmWant::s3       ? Kind::s3
           : want == KvmWant::s2idle ? Kind::s2idle
                                     : Kind::hibernate;
}

constexpr model::KvmAct act_of(KvmWant want) {
    constexpr auto kFirst = static_cast<uint8_t>(KvmWant::pause);
    static_assert(kKvmWantCount - kFirst == model::kKvmActCount);
    return static_cast<model::KvmAct>(static_cast<uint8_t>(want) - kFirst);
}
static_assert(act_of(KvmWant::clone) == model::KvmAct::clone);

}  // namespace

KvmStage::KvmStage(const LifePlan& plan, Chooser* chooser)
    : plan_{plan}, guest_{config_of(plan, chooser)}, loaded_{guest_, load_of(plan)} {
    if (chooser != nullptr) {
        chooser->attach(guest_);
    }
    if (!guest_.devices().empty()) {
        Behaviour& last = guest_.devices().back()->behaviour;
        last.reads_clock = plan.reads_clock;
        last.calls_cpus = plan.calls_cpus;
    }
}

std::optional<std::string> KvmStage::begin() {
    const model::RunResult up = guest_.boot();
    if (up.end != model::GuestEnd::returned) {
        return std::string{"the guest does not boot: "} + name_of(up.end) + ": " + up.reason;
    }
    own_devices_ = std::make_unique<DeviceFaults<KvmModelledGuest>>(guest_);
    if (!loaded_.start()) {
        return "disk or interface do not come up at boot";
    }
    if (plan_.spoil != nullptr) {
        guest_.run([this] {
            KvmGuest& guest = guest_.guest();
            const std::array<Device*, 6> drivers{&guest.timer(),      &guest.time(), &guest.steal(),
                                                 &guest.generation(), &loaded_.disk, &loaded_.net};
            plan_.spoil(drivers);
        });
    }
    return std::nullopt;
}

void KvmStage::in(uint32_t ms, std::function<void()> act) {
    planned_.push_back({ms * model::kMillisecond, std::move(act)});
}

void KvmStage::arm(const PlannedFault& fault) {
    model::KvmHost& host = guest_.host();
    own_devices_->arm(fault);
    switch (fault.kind) {
        case FaultKind::vcpu_not_parked:
            guest_.machine().faults.add({.site = model::FaultSite::park, .number = fault.a});
            break;
        case FaultKind::time_stolen:
            steal(fault.a % plan_.vcpus, fault.b * model::kMillisecond);
            break;
        case FaultKind::wakes_early:
            in(fault.b, [this] {
                pressed_ = true;
                guest_.host().wake();
            });
            break;
        case FaultKind::firmware_awake:
            host.firmware_awake = true;
            break;
        case FaultKind::image_made:
            if (host.image_fate == model::ImageFate::restored) {
                host.image_fate = model::ImageFate::made;
            }
            break;
        case FaultKind::image_refused:
            host.image_fate = model::ImageFate::refused;
            break;
        case FaultKind::moved_meanwhile:
            in(fault.b, [this, want = static_cast<KvmWant>(fault.a)] {
                if (!guest_.host().sleeping()) {
                    moved_in_mid_cycle_ = true;
                    guest_.host().interrupt(act_of(want), kAway);
                }
            });
            break;
        case FaultKind::fewer_features:
            loaded_.drive.disk.flush = fault.a != 0;
            loaded_.drive.disk.segments = fault.b;
            break;
        case FaultKind::reseed_fails:
            guest_.fail_reseeds(true);
            break;
        default:
            break;
    }
}

/// It takes that long, too, or no guest would believe it.
void KvmStage::steal(uint32_t cpu, Nanoseconds stolen) {
    if (cpu == 0 && stolen_ == 0) {
        guest_.run([this] { stolen_before_ = guest_.guest().steal().stolen(0); });
    }
    guest_.host().add_steal(cpu, stolen);
    guest_.idle(stolen);
    stolen_ += cpu == 0 ? stolen : 0;
}

Nanoseconds KvmStage::forgotten_steal() {
    if (stolen_ == 0) {
        return 0;
    }
    Nanoseconds known = 0;
    guest_.run([&] { known = guest_.guest().steal().stolen(0) - stolen_before_; });
    return known < stolen_ ? stolen_ - known : 0;
}

void KvmStage::arm(const PlannedCycle& cycle) {
    own_devices_->forget_complaint();
    planned_.clear();
    moved_in_mid_cycle_ = pressed_ = slept_on_ = false;
    stolen_ = 0;
    for (const PlannedFault& fault : cycle.faults) {
        arm(fault);
    }
    loaded_.running = cycle.load;
    if (cycle.load) {
        guest_.run([this] { loaded_.disk_load.start(); });
        guest_.idle(model::kMillisecond);
    }
    if (cycle.awake_ms != 0) {
        guest_.idle(cycle.awake_ms * model::kMillisecond);
    }
    guest_.run([this] { loaded_.disk_load.stop(); });  // what is under way goes down with the guest
}

KvmCycle KvmStage::perform(const PlannedCycle& cycle) {
    if (is_hosts(cycle.kvm)) {
        const Nanoseconds away = cycle.kvm == KvmWant::pause ? kPaused : kAway;
        return {.run = guest_.happens(act_of(cycle.kvm), away), .result = std::nullopt};
    }
    model::Clock& clock = guest_.machine().clock;
    std::vector<model::Clock::EventId> events;
    if (cycle.kvm != KvmWant::hibernate) {
        events.push_back(clock.after(kAsleep, [this] {
            slept_on_ = pressed_;
            guest_.host().wake();
        }));
    }
    for (const Planned& planned : planned_) {
        events.push_back(clock.after(planned.after, planned.act));
    }
    KvmCycle done = guest_.suspend(kind_of(cycle.kvm));
    for (const model::Clock::EventId event : events) {
        clock.cancel(event);
    }
    return done;
}

void KvmStage::calm() {
    planned_.clear();
    guest_.machine().faults.clear();
    guest_.host().firmware_awake = false;
    guest_.host().image_fate = model::ImageFate::restored;
    guest_.fail_reseeds(false);
    loaded_.running = false;
    own_devices_->calm();
}

}  // namespace resume::stress
