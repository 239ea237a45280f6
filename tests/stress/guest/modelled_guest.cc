#include "tests/stress/guest/modelled_guest.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <stdexcept>

#include "tests/graveyard.h"
#include "tests/support/hotplug.h"

namespace resume::stress {

namespace {

constexpr Gfn kSharedInfoHole = 0xfe700;
constexpr Gfn kGrantHole = 0xfe800;

GuestPages make_pages(Machine& machine, bool fifo) {
    const uint32_t vcpus = machine.config.vcpus;
    const uint32_t areas = (vcpus + kVcpuAreasPerPage - 1) / kVcpuAreasPerPage;
    const uint32_t blocks = (vcpus + kFifoBlocksPerPage - 1) / kFifoBlocksPerPage;
    return {.hypercall_page = machine.memory.allocate(1),
            .shared_info = kSharedInfoHole,
            .vcpu_areas = machine.memory.allocate(areas),
            .grant_table = kGrantHole,
            .grant_frames = 1,
            .fifo = fifo ? FifoPages{.control = machine.memory.allocate(blocks),
                                     .array = machine.memory.allocate(1),
                                     .array_pages = 1}
                         : FifoPages{}};
}

Ticks after(Machine& machine, Nanoseconds delay) {
    using Wide = unsigned __int128;
    return raw_counter(machine) +
           static_cast<Ticks>(Wide{delay} * counter_hz(machine) / model::kSecond);
}

}  // namespace

ModelledGuest::ModelledGuest(const ModelledGuestConfig& config)
    : config_{config}, machine_{config.machine} {
    view_.guest = model::name_of(config.machine.guest);
    view_.vcpus = config.machine.vcpus;
    view_.frequency = machine_.timekeeping.hz();
    view_.sights = Sight::all;
    view_.part = 1;
    XenGuestConfig xen;
    xen.pages = make_pages(machine_, config.fifo);
    xen.callback.mode = config.callback;
    xen.unplug = config.machine.guest == model::GuestKind::xen_hvm
                     ? UnplugMask::ide_disks | UnplugMask::nics
                     : UnplugMask::none;
    xen.tasks = tasks_->hooks();
    xen.policy = config.policy;
    xen.table = config.table;
    xen.down_budget_ms = config.down_budget_ms;
    xen.hook_deadline_ms = config.hook_deadline_ms;
    xen.bugs = config.bugs;
    xen.ipi = [](void*, uint32_t) noexcept {};
    xen.run_on_parked = &ModelledGuest::run_on_parked;
    guest_ = new (guest_memory_) XenGuest{machine_, xen};
    HandshakeConfig handshake;
    handshake.handled = handshake.handled.with(ShutdownWord::poweroff);
    handshake.ack_only = config.bugs.has(Bug::ack_only);
    handshake.budget_ms = config.down_budget_ms;
    handshake_ = new (handshake_memory_) GuestHandshake{machine_, guest_->store(), handshake};
    if (config.machine.offline != 0) {
        vcpus_ = new (vcpus_memory_) Vcpus{machine_,
                                           guest_->store(),
                                           {.most = config.machine.vcpus,
                                            .self = this,
                                            .start = &ModelledGuest::start_vcpu,
                                            .stop = &ModelledGuest::stop_vcpu},
                                           config.bugs};
    }
    for (const OwnDevice& own : config_.devices) {
        auto& device =
            *devices_.emplace_back(std::make_unique<OrdinaryDevice>(*guest_, own.name.c_str()));
        device.tasks_frozen = [this] { return tasks_->frozen(); };
        device.behaviour.suspend_wait_ms = own.suspend_ms;
        device.behaviour.resume_wait_ms = own.resume_ms;
    }
}

ModelledGuest::~ModelledGuest() {
    if (!machine_.alive() || !started_) {
        // A dead guest's objects stay as they are: taking them down would be its own code running
        // after its death. Devices point into it, so they stay too.
        for (auto& device : devices_) {
            test::bury({device.release()});
        }
        test::bury({tasks_.release()});
        if (!started_ && machine_.alive()) {
            guest_->~XenGuest();
        }
        return;
    }
    machine_.run([this] {
        tasks_->stop();
        (void)handshake_->stop();
        if (vcpus_ != nullptr) {
            vcpus_->stop();
            (void)guest_->remove(*vcpus_);
        }
        for (auto it = devices_.rbegin(); it != devices_.rend(); ++it) {
            (void)guest_->remove(**it);
        }
    });
    if (machine_.alive()) {
        if (vcpus_ != nullptr) {
            vcpus_->~Vcpus();
        }
        handshake_->~GuestHandshake();
        guest_->~XenGuest();
        return;
    }
    for (auto& device : devices_) {  // it died of being taken apart
        test::bury({device.release()});
    }
    test::bury({tasks_.release()});
}

void ModelledGuest::run_on_parked(Machine& machine, uint32_t cpu, void (*act)(void*) noexcept,
                                  void* argument) noexcept {
    machine.vcpus.run_on(cpu, [&] { act(argument); });
}

Result<> ModelledGuest::start_vcpu(void* self, uint32_t cpu) noexcept {
    auto& guest = *static_cast<ModelledGuest*>(self);
    return test::start_vcpu(guest.machine_, *guest.guest_, cpu,
                            [self, cpu] { static_cast<ModelledGuest*>(self)->arm_tick(cpu); });
}

Result<> ModelledGuest::stop_vcpu(void* self, uint32_t cpu) noexcept {
    auto& guest = *static_cast<ModelledGuest*>(self);
    return test::stop_vcpu(guest.machine_, *guest.guest_, cpu);
}

void ModelledGuest::on_tick(void* self, uint32_t cpu) noexcept {
    auto& guest = *static_cast<ModelledGuest*>(self);
    const Nanoseconds now = guest.guest_->time().monotonic();
    if (cpu == 0) {
        if (now < guest.last_tick_) {
            guest.worst_step_back_ = std::max(guest.worst_step_back_, guest.last_tick_ - now);
        } else if (guest.last_tick_ != 0) {
            guest.longest_gap_ = std::max(guest.longest_gap_, now - guest.last_tick_);
        }
        guest.last_tick_ = now;
    }
    ++guest.ticks_[cpu];
    guest.unasked_ticks_ += guest.armed_[cpu] ? 0 : 1;
    guest.arm_tick(cpu);
}

void ModelledGuest::arm_tick(uint32_t cpu) noexcept {
    armed_[cpu] = config_.tick_ms != 0;
    if (armed_[cpu]) {
        (void)guest_->time().arm_after(config_.tick_ms * model::kMillisecond);
    }
}

model::RunResult ModelledGuest::boot() {
    Result<> booted = Errc::invalid;
    model::RunResult result = machine_.boot([&](BootContext& boot) {
        booted = guest_->boot(boot);
        if (!booted.ok()) {
            return;
        }
        // Each further CPU runs its own part before an interrupt can reach it.
        for (uint32_t cpu = 1; cpu < cpu_count(machine_) && booted.ok(); ++cpu) {
            machine_.vcpus.run_on(cpu, [&] { booted = guest_->boot_cpu(boot); });
        }
    });
    if (result.end == model::GuestEnd::returned && !booted.ok()) {
        throw std::runtime_error{std::string{"the guest did not boot: "} +
                                 name_of(booted.error().code) + ", detail " +
                                 std::to_string(booted.error().detail)};
    }
    if (result.end != model::GuestEnd::returned) {
        return result;
    }
    return machine_.run([this] { start(); });
}

void ModelledGuest::start() {
    for (size_t i = 0; i < devices_.size(); ++i) {
        RESUME_ASSERT(add_device(i).ok());
    }
    tasks_->start(machine_, guest_->store());
    RESUME_ASSERT(guest_->store().start().ok());
    RESUME_ASSERT(handshake_->start().ok());
    if (vcpus_ != nullptr) {
        RESUME_ASSERT(guest_->add(*vcpus_).ok());
        vcpus_->start();
    }
    guest_->timer().set_handler(&ModelledGuest::on_tick, this);
    guest_->events().trace_upcalls(false);
    on_each_cpu(
        machine_,
        [](Machine&, uint32_t cpu, void* self) noexcept {
            static_cast<ModelledGuest*>(self)->arm_tick(cpu);
        },
        this);
    started_ = true;
}

Result<> ModelledGuest::add_device(size_t index) {
    const std::string& parent = config_.devices[index].parent;
    return guest_->add(*devices_[index], parent.empty() ? nullptr : &device(parent));
}

bool ModelledGuest::serve(Nanoseconds longest) {
    if (machine_.trace.size() > config_.machine.trace_capacity / 2) {
        const model::HostSection host{machine_};
        collect();
    }
    guest_->pump();
    tasks_->work();
    if (work_) {
        work_();
    }
    if (vcpus_ != nullptr) {
        vcpus_->pump();
    }
    guest_->pump();
    if (!handshake_->fired()) {
        wait_for_interrupt(machine_, after(machine_, longest));
        return false;
    }
    const Result<ShutdownRequest> request = handshake_->poll();
    if (!request.ok() || request.value().word == ShutdownWord::none) {
        return false;
    }
    finish(request.value());
    return true;
}

void ModelledGuest::finish(const ShutdownRequest& request) {
    if (request.word != ShutdownWord::suspend) {
        sched_shutdown reason{.reason = SHUTDOWN_poweroff};
        (void)xen::sched_op(machine_, SCHEDOP_shutdown, reason);
    }
    tasks_->work();  // user space runs until it is frozen
    const Result<CycleResult> result = guest_->suspend();
    Outcome outcome = Outcome::aborted;
    if (result.ok()) {
        last_ = result.value();
        outcome = result.value().outcome;
        last_error_ = result.value().cause;
    } else {
        last_error_ = result.error();
    }
    // A clock read on either side of each cycle is what the oracle judges time by.
    (void)guest_->time().monotonic();
    (void)handshake_->finished(outcome);
}

Cycle ModelledGuest::cycle(model::HostAct act) {
    Cycle cycle;
    last_.reset();
    const std::size_t before = machine_.toolstack.errands().size();
    machine_.toolstack.start(act);
    cycle.run = machine_.run([&] {
        while (!last_ && (machine_.toolstack.busy() || handshake_->fired())) {
            serve(model::kSecond);
        }
        while (machine_.toolstack.busy()) {
            serve(model::kSecond);
        }
        const Nanoseconds settle = machine_.clock.now() + 200 * model::kMillisecond;
        while (machine_.clock.now() < settle) {
            serve(50 * model::kMillisecond);
        }
    });
    cycle.result = last_;
    collect();
    if (machine_.toolstack.errands().size() > before) {
        cycle.errand = machine_.toolstack.errands()[before];
    }
    return cycle;
}

model::RunResult ModelledGuest::idle(Nanoseconds duration) {
    const Nanoseconds until = machine_.clock.now() + duration;
    return machine_.run([&] {
        while (machine_.clock.now() < until) {
            serve(until - machine_.clock.now());
        }
    });
}

OrdinaryDevice& ModelledGuest::device(const std::string& name) {
    for (auto& device : devices_) {
        if (name == device->name()) {
            return *device;
        }
    }
    throw std::invalid_argument{"the modelled guest has no device " + name};
}

// The ring is emptied between cycles, so its size bounds one cycle and not a whole life.
void ModelledGuest::collect() {
    oracle::append_events(view_, machine_.trace);
    machine_.trace.clear();
}

const oracle::TraceView& ModelledGuest::view() {
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
