#include "tests/stress/guest/kvm_modelled_guest.h"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "tests/graveyard.h"

namespace resume::stress {

namespace {

constexpr uint32_t kTask = 1;
constexpr const char* kRefusing = "rtc";
constexpr Nanoseconds kAsleep = 3 * model::kSecond;
// QEMU's pc machine: PM1a_CNT at 0x604, SLP_TYP of S3 is 1 (hw/i386/acpi-build.c).
constexpr SleepRegisters kSleep{.pm1a_control = 0x604, .sleep_type = 1};

Ticks after(Machine& machine, Nanoseconds delay) {
    using Wide = unsigned __int128;
    return raw_counter(machine) +
           static_cast<Ticks>(Wide{delay} * counter_hz(machine) / model::kSecond);
}

}  // namespace

KvmGuestConfig KvmModelledGuest::guest_config() {
    KvmGuestConfig kvm;
    kvm.areas = areas_[0].areas;
    kvm.wall = &wall_;
    kvm.generation.shown = static_cast<const GenerationId*>(machine_.kvm->generation());
    kvm.generation.argument = this;
    kvm.generation.reseed = [](void* self, const GenerationId&) noexcept -> Result<> {
        const bool fails = static_cast<KvmModelledGuest*>(self)->config_.reseed_fails;
        return fails ? Result<>{Errc::io} : Result<>{};
    };
    kvm.sleep = kSleep;
    kvm.tasks.tasks = this;
    kvm.tasks.freeze = [](void* self, Ticks) noexcept -> Result<> {
        static_cast<KvmModelledGuest*>(self)->tasks_frozen(true);
        return {};
    };
    kvm.tasks.thaw = [](void* self, Outcome) noexcept {
        static_cast<KvmModelledGuest*>(self)->tasks_frozen(false);
    };
    kvm.pump = [](void* self) noexcept { static_cast<KvmModelledGuest*>(self)->work(); };
    kvm.pump_argument = this;
    kvm.wall_backward = config_.wall_backward;
    kvm.policy = config_.policy;
    kvm.hook_deadline_ms = config_.hook_deadline_ms;
    kvm.table = config_.table;
    kvm.bugs = config_.bugs;
    return kvm;
}

KvmModelledGuest::KvmModelledGuest(const KvmModelledGuestConfig& config)
    : config_{config},
      machine_{config.machine},
      areas_{new AreaPage[(config.machine.vcpus * sizeof(KvmVcpuArea) + model::kPageSize - 1) /
                          model::kPageSize]{}} {
    view_.guest = model::name_of(model::GuestKind::kvm);
    view_.vcpus = config.machine.vcpus;
    view_.frequency = machine_.timekeeping.hz();
    view_.sights = Sight::platform | Sight::hypercalls;
    view_.part = 1;
    guest_ = new (guest_memory_) KvmGuest{machine_, guest_config()};
    for (const OwnDevice& own : config_.devices) {
        devices_.push_back(std::make_unique<OrdinaryDevice>(*guest_, own.name.c_str()));
        devices_.back()->tasks_frozen = [this] { return frozen_; };
        devices_.back()->behaviour = {.suspend_wait_ms = own.suspend_ms,
                                      .resume_wait_ms = own.resume_ms};
    }
}

KvmModelledGuest::~KvmModelledGuest() {
    if (!machine_.alive() || !started_) {
        for (auto& device : devices_) {
            test::bury({device.release()});
        }
        return;
    }
    machine_.run([this] {
        for (auto it = devices_.rbegin(); it != devices_.rend(); ++it) {
            if ((*it)->registered()) {
                (void)guest_->remove(**it);
            }
        }
    });
    if (machine_.alive()) {
        guest_->~KvmGuest();
    }
}

void KvmModelledGuest::tasks_frozen(bool frozen) {
    frozen_ = frozen;
    const model::HostSection host{machine_};
    machine_.sight(frozen ? EventKind::task_frozen : EventKind::task_thawed, kTask);
}

void KvmModelledGuest::on_tick(void* self, uint32_t cpu) noexcept {
    auto& guest = *static_cast<KvmModelledGuest*>(self);
    guest.guest_->on_tick(cpu);
    if (cpu == 0) {
        const Nanoseconds now = guest.guest_->time().monotonic();
        if (now < guest.last_tick_) {
            guest.worst_step_back_ = std::max(guest.worst_step_back_, guest.last_tick_ - now);
        }
        guest.last_tick_ = now;
    }
    ++guest.ticks_[cpu];
    guest.guest_->timer().arm_after(guest.config_.tick_ms * model::kMillisecond);
}

model::RunResult KvmModelledGuest::boot() {
    Result<> booted = Errc::invalid;
    power_button_.handler = [](void*) noexcept {};
    power_button_.wakes = true;
    const model::RunResult result = machine_.boot([&](BootContext& boot) {
        booted = guest_->boot(boot);
        if (booted.ok()) {
            booted = guest_->attach(boot, power_button_);
        }
        if (booted.ok() && boot_more_) {
            booted = boot_more_(boot);
        }
        for (uint32_t cpu = 1; cpu < cpu_count(machine_) && booted.ok(); ++cpu) {
            machine_.vcpus.run_on(cpu, [&] { guest_->boot_cpu(cpu); });
        }
    });
    if (result.end != model::GuestEnd::returned) {
        return result;
    }
    if (!booted.ok()) {
        throw std::runtime_error{std::string{"the guest did not boot: "} +
                                 name_of(booted.error().code)};
    }
    // The platform's part: which vector an interrupt source has.
    machine_.kvm->route(model::KvmSource::wakeup, power_button_.vector);
    machine_.kvm->route(model::KvmSource::generation, guest_->generation().line().vector);
    return machine_.run([this] { start(); });
}

void KvmModelledGuest::start() {
    for (size_t i = 0; i < devices_.size(); ++i) {
        RESUME_ASSERT(add_device(i).ok());
    }
    guest_->timer().set_handler(&KvmModelledGuest::on_tick, this);
    if (config_.tick_ms != 0) {
        on_each_cpu(
            machine_, [](Machine&, uint32_t cpu, void* self) noexcept { on_tick(self, cpu); },
            this);
    }
    started_ = true;
}

Result<> KvmModelledGuest::add_device(size_t index) {
    const std::string& parent = config_.devices[index].parent;
    return guest_->add(*devices_[index], parent.empty() ? nullptr : &device(parent));
}

void KvmModelledGuest::work() {
    if (work_) {
        work_();
    }
}

/// One round of the guest's main loop.
void KvmModelledGuest::serve(Nanoseconds longest) {
    if (machine_.trace.size() > config_.machine.trace_capacity / 2) {
        const model::HostSection host{machine_};
        collect();
    }
    wait_for_interrupt(machine_, after(machine_, longest));
    work();
    if (config_.looks_around) {
        const resume::Finding found = guest_->look_around();
        if (found.interrupted) {
            findings_.push_back(found);
        }
    }
}

KvmCycle KvmModelledGuest::suspend(Kind kind) {
    KvmCycle cycle;
    findings_.clear();
    cycle.run = machine_.run([&] {
        const Result<CycleResult> result = guest_->suspend({.kind = kind});
        if (result.ok()) {
            cycle.result = result.value();
        }
        const Nanoseconds settle = machine_.clock.now() + 200 * model::kMillisecond;
        while (machine_.clock.now() < settle) {
            serve(50 * model::kMillisecond);
        }
    });
    collect();
    return cycle;
}

KvmCycle KvmModelledGuest::cycle(Kind kind, Outcome wanted) {
    OrdinaryDevice& refusing = device(kRefusing);
    refusing.behaviour.refuse = wanted == Outcome::aborted ? Errc::refused : Errc::none;
    machine_.kvm->image_fate =
        wanted == Outcome::cancelled ? model::ImageFate::made : model::ImageFate::restored;
    model::HostConfig awake = machine_.host();
    awake.firmware_sleeps = false;
    const model::HostConfig* const before = machine_.host_now;
    if (wanted == Outcome::cancelled) {
        machine_.move_to(awake);
    } else if (wanted == Outcome::resumed && kind != Kind::hibernate) {
        machine_.kvm->wake_after(kAsleep);
    }
    const KvmCycle done = suspend(kind);
    if (wanted == Outcome::cancelled) {
        machine_.move_to(*before);
    }
    refusing.behaviour.refuse = Errc::none;
    return done;
}

model::RunResult KvmModelledGuest::happens(model::KvmAct act, Nanoseconds away) {
    findings_.clear();
    machine_.clock.after(0, [this, act, away] { machine_.kvm->interrupt(act, away); });
    const model::RunResult result = idle(100 * model::kMillisecond + away);
    collect();
    return result;
}

model::RunResult KvmModelledGuest::idle(Nanoseconds duration) {
    const Nanoseconds until = machine_.clock.now() + duration;
    return machine_.run([&] {
        while (machine_.clock.now() < until) {
            serve(until - machine_.clock.now());
        }
    });
}

int64_t KvmModelledGuest::wall_error_ns() {
    int64_t error = 0;
    machine_.run([&] {
        const auto wall = static_cast<int64_t>(guest_->time().wall());
        error =
            static_cast<int64_t>(machine_.kvm->real_time()) + machine_.host().wall_offset_ns - wall;
    });
    return error;
}

OrdinaryDevice& KvmModelledGuest::device(const std::string& name) {
    for (auto& device : devices_) {
        if (name == device->name()) {
            return *device;
        }
    }
    throw std::invalid_argument{"the modelled guest has no device " + name};
}

void KvmModelledGuest::collect() {
    oracle::append_events(view_, machine_.trace);
    machine_.trace.clear();
}

void KvmModelledGuest::drop_trace() {
    machine_.trace.clear();
    view_.events.clear();
}

const oracle::TraceView& KvmModelledGuest::view() {
    collect();
    view_.learn_devices();
    guest_->engine().each_device(
        [](void* devices, const Device& device) noexcept {
            auto& table = *static_cast<decltype(view_.devices)*>(devices);
            table[device.id()].name = device.name();
        },
        &view_.devices);
    return view_;
}

}  // namespace resume::stress
