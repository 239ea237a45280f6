#include "drivers/model/machine.h"

#include <cstdio>
#include <cstdlib>

#include "drivers/model/kvm/host.h"
#include "drivers/model/store/embedded.h"

namespace resume {
namespace model {

namespace {

thread_local Machine* running = nullptr;  // whose guest code panics, when some does

// Core and drivers call what is defined here, and the model calls the core: whoever has a machine
// has all of the platform, in whatever order the archives are linked.
struct Platform {
    decltype(&cpu_count) cpus = &cpu_count;
    decltype(&hypercall) calls = &hypercall;
    decltype(&read_cpuid) cpuid = &read_cpuid;
    decltype(&read_tsc) of_kvm = &read_tsc;
    decltype(&panic) hook = &panic;
};
[[gnu::used]] const Platform kPlatform;

}  // namespace

Machine* running_machine() noexcept {
    return running;
}
bool guest_code_running() noexcept {
    return running != nullptr && running->in_guest;
}

const char* name_of(GuestKind kind) noexcept {
    return kind == GuestKind::xen_hvm ? "xen-hvm" : kind == GuestKind::xen_pvh ? "xen-pvh" : "kvm";
}

const char* name_of(GuestEnd end) noexcept {
    switch (end) {
        case GuestEnd::returned:
            return "returned";
        case GuestEnd::stopped:
            return "stopped";
        case GuestEnd::rebooted:
            return "rebooted";
        case GuestEnd::crashed:
            return "crashed";
        case GuestEnd::panicked:
            return "panicked";
        case GuestEnd::hung:
            return "hung";
        case GuestEnd::left_down:
            return "left-down";
        case GuestEnd::impatience:
            return "impatience";
    }
    return "?";
}

}  // namespace model

inline namespace v0 {

namespace {

// A dead guest's frames are never returned to, so nobody would give a caller's text back.
std::string take(const std::string& text) {
    return std::move(const_cast<std::string&>(text));
}

}  // namespace

Machine::Machine(const model::MachineConfig& configuration)
    : config{configuration},
      trace_storage{static_cast<TraceEvent*>(
                        ::operator new(configuration.trace_capacity * sizeof(TraceEvent))),
                    [](void* memory) { ::operator delete(memory); }},
      trace{trace_storage.get(), configuration.trace_capacity},
      host_now{&config.hosts.front()},
      reservation{*this},
      shared_info{*this},
      vcpus{*this},
      timekeeping{*this},
      channels{*this},
      params{*this},
      grants{*this},
      ports{*this},
      console{*this},
      domain{*this},
      store{std::make_unique<model::EmbeddedStore>(configuration.domid)},
      store_ring{*this},
      toolstack{*this},
      kvm{configuration.guest == model::GuestKind::kvm ? std::make_unique<model::KvmHost>(*this)
                                                       : nullptr},
      random{configuration.seed} {
    connect_daemons();
    vcpus.begin();
    toolstack.watch_control();
    timekeeping.publish_wall();
    timekeeping.publish_all();
}

Machine::~Machine() = default;

void Machine::use_store(std::unique_ptr<model::StoreSeam> other) {
    store = std::move(other);
    connect_daemons();
    toolstack.watch_control();
}

void Machine::connect_daemons() {
    memory.make_ram(model::kStoreGfn);
    memory.make_ram(model::kConsoleGfn);
    channels.reset();
    const Port store_port = channels.open([this] { store_ring.notified(); });
    const Port console_port = channels.open([this] { console.notified(); });
    params.put(HVM_PARAM_STORE_PFN, model::kStoreGfn);
    params.put(HVM_PARAM_STORE_EVTCHN, store_port);
    params.put(HVM_PARAM_CONSOLE_PFN, model::kConsoleGfn);
    params.put(HVM_PARAM_CONSOLE_EVTCHN, console_port);
    toolstack.take_back_request();
    store_ring.connect(store_port);
    console.connect(console_port);
    toolstack.write_vcpus();
}

void Machine::replug() {
    for (const auto& backend : backends) {
        if (!backend->stays_behind) {
            backend->plug();
        }
    }
}

void Machine::sight(EventKind kind, uint32_t a, uint64_t b, int32_t status) {
    trace.write({.ticks = timekeeping.ticks(),
                 .arg64 = b,
                 .arg32 = a,
                 .status = status,
                 .kind = kind,
                 .witness = Witness::other_side,
                 .cpu = static_cast<uint8_t>(vcpus.current())});
}

Nanoseconds Machine::jitter(Nanoseconds limit) {
    return std::uniform_int_distribution<Nanoseconds>{0, limit}(random);
}

model::RunResult Machine::run(std::function<void()> code) {
    if (!alive()) {
        return death;
    }
    Machine* const before = model::running;
    model::running = this;
    run_limit = config.patience == model::kNever ? model::kNever : clock.now() + config.patience;
    in_guest = true;
    fiber.run(std::move(code));
    in_guest = false;
    run_limit = model::kNever;
    model::running = before;
    return death;
}

void Machine::die(model::GuestEnd end, const std::string& reason) {
    in_guest = false;
    death = {end, take(reason)};
    if (!fiber.inside()) {
        std::fprintf(stderr, "the guest died outside Machine::run: %s: %s\n", model::name_of(end),
                     death.reason.c_str());
        std::abort();
    }
    fiber.leave();
}

void Machine::fault(const std::string& what) {
    if (config.exception_gates) {
        die(model::GuestEnd::crashed, what);
    }
    die(model::GuestEnd::rebooted,
        take(what) + " (triple fault: nobody in the guest could say so)");
}

}  // namespace v0
}  // namespace resume
