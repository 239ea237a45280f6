#include "tests/conformance/model_guest.h"

#include "tests/graveyard.h"

namespace resume::conformance {
namespace {

// Holes and pages as a kernel would choose them.
constexpr Gfn kHypercallPage = 0x100;
constexpr Gfn kSharedInfo = 0xfe700;
constexpr Gfn kGrantTable = 0xfe800;
constexpr Gfn kAreas = 0x200;

}  // namespace

model::MachineConfig ModelGuest::machine_of(uint32_t vcpus, model::GuestKind kind) {
    model::MachineConfig config;
    config.vcpus = vcpus;
    config.guest = kind;
    return config;
}

XenGuestConfig ModelGuest::complete(Machine& machine, XenGuestConfig config) {
    machine.memory.make_ram(kHypercallPage);
    for (uint32_t page = 0; page * kVcpuAreasPerPage < machine.config.vcpus; ++page) {
        machine.memory.make_ram(kAreas + page);
    }
    config.pages = {.hypercall_page = kHypercallPage,
                    .shared_info = kSharedInfo,
                    .vcpu_areas = kAreas,
                    .grant_table = kGrantTable,
                    .grant_frames = 2};
    return config;
}

ModelGuest::ModelGuest(const GuestOptions& options)
    : machine{options.machine},
      guest{*new XenGuest{machine, complete(machine, options.guest)}},
      handshake{*new Handshake<Store>{
          machine, guest.store(), {.ack_only = options.guest.bugs.has(Bug::ack_only)}}} {}

ModelGuest::~ModelGuest() {
    if (guest.engine().running()) {
        test::bury({&guest, &handshake});
        return;
    }
    delete &handshake;
    delete &guest;
}

model::RunResult ModelGuest::boot() {
    last = machine.boot([this](BootContext& boot) {
        const Result<> booted = guest.boot(boot);
        ASSERT_TRUE(booted.ok()) << name_of(booted.error().code) << ' ' << booted.error().detail;
        const CallbackMode mode = guest.callback().mode();
        if (mode == CallbackMode::gsi || mode == CallbackMode::pci_intx) {
            // The platform device's line ends in the embedder's own interrupt code.
            const auto gate = allocate_irq_gate(
                machine, boot,
                [](Machine&, uint32_t cpu, void* callback) noexcept {
                    static_cast<Callback*>(callback)->upcall(cpu);
                },
                &guest.callback());
            ASSERT_TRUE(gate.ok());
        }
        // Each CPU says it of itself as it starts; no other can call it before.
        for (uint32_t cpu = 1; cpu < cpu_count(machine); ++cpu) {
            machine.vcpus.set_current(cpu);
            EXPECT_TRUE(guest.boot_cpu(boot).ok());
        }
        machine.vcpus.set_current(0);
    });
    if (last.end != model::GuestEnd::returned) {
        return last;
    }
    return run([this] {
        ASSERT_TRUE(guest.store().start().ok());
        const Result<> started = handshake.start();
        ASSERT_TRUE(started.ok()) << name_of(started.error().code);
    });
}

model::RunResult ModelGuest::run(const std::function<void()>& code) {
    last = machine.run(code);
    return last;
}

void ModelGuest::idle(Nanoseconds time) {
    run([this, time] {
        const Ticks end = raw_counter(machine) + counter_hz(machine) / 1'000'000 * time / 1'000;
        while (raw_counter(machine) < end) {
            guest.pump();
            wait_for_interrupt(machine, end);
        }
    });
}

std::optional<CycleResult> ModelGuest::cycle(model::HostAct act) {
    std::optional<CycleResult> result;
    run([this, act, &result] {
        machine.toolstack.start(act);
        const Ticks end = raw_counter(machine) + counter_hz(machine) * 120;
        while (!result && raw_counter(machine) < end) {
            guest.pump();
            if (!handshake.fired()) {
                wait_for_interrupt(machine, end);
                continue;
            }
            const auto request = handshake.poll();
            if (request.ok() && request.value().word == ShutdownWord::suspend) {
                const Result<CycleResult> done = guest.suspend();
                ASSERT_TRUE(done.ok());
                result = done.value();
                ++cycles;
                EXPECT_TRUE(handshake.finished(result->outcome).ok());
                const auto late = handshake.poll();  // nobody asked meanwhile
                EXPECT_TRUE(late.ok() && late.value().word == ShutdownWord::none);
            }
        }
    });
    return result;
}

std::optional<CycleResult> ModelGuest::try_cycle(Step last_step) {
    std::optional<CycleResult> result;
    run([this, last_step, &result] {
        const Result<CycleResult> done = guest.suspend({.last = last_step});
        ASSERT_TRUE(done.ok());
        result = done.value();
    });
    return result;
}

oracle::TraceView ModelGuest::view() const {
    oracle::TraceView view;
    view.guest = model::name_of(machine.config.guest);
    view.vcpus = machine.config.vcpus;
    view.frequency = machine.config.hosts.front().tsc_hz;
    view.sights = Sight::all;
    oracle::append_events(view, machine.trace);
    view.learn_devices();
    return view;
}

std::string ModelGuest::complaints() const {
    const oracle::Verdict verdict = this->verdict();
    std::string text = verdict.inconclusive;
    for (const oracle::Violation& violation : verdict.violations) {
        text += violation.id + ": " + violation.detail + " [" + violation.device + "] cycle " +
                std::to_string(violation.cycle) + "\n";
    }
    return text;
}

size_t ModelGuest::count(EventKind kind, Witness witness) const {
    size_t count = 0;
    for (const TraceEvent& event : view().events) {
        count += event.kind == kind && event.witness == witness ? 1 : 0;
    }
    return count;
}

}  // namespace resume::conformance
