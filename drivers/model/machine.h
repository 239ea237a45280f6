// The modelled machine: a guest's vCPUs, memory and event channels, the hypervisor below it, its
// store daemon, and the host around it. It implements libresume/platform/ for one guest; a process
// may have many. One thread, virtual time, the same run for the same seed.
//
//   Machine machine{{.guest = GuestKind::xen_pvh, .vcpus = 2}};
//   machine.boot([&](BootContext& boot) { ... });       // boot code; its memory is gone after it
//   machine.toolstack.start(HostAct::checkpoint);
//   GuestEnd end = machine.run([&] { ... }).end;        // ordinary code
//
// Guest code runs on a stack of its own. A guest that dies is left where it stood.
#pragma once

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "drivers/model/backend/backend.h"
#include "drivers/model/clock.h"
#include "drivers/model/config.h"
#include "drivers/model/console.h"
#include "drivers/model/domain.h"
#include "drivers/model/event_channels.h"
#include "drivers/model/fault_plan.h"
#include "drivers/model/fiber.h"
#include "drivers/model/grant_table.h"
#include "drivers/model/hvm_params.h"
#include "drivers/model/io_ports.h"
#include "drivers/model/memory.h"
#include "drivers/model/reservation.h"
#include "drivers/model/shared_info.h"
#include "drivers/model/store/ring.h"
#include "drivers/model/store/seam.h"
#include "drivers/model/timekeeping.h"
#include "drivers/model/toolstack.h"
#include "drivers/model/vcpus.h"
#include "libresume/boot_context.h"
#include "libresume/platform/xen.h"

namespace resume {
namespace model {

class KvmHost;

/// How a run of guest code ended.
enum class GuestEnd : uint8_t {
    returned,    ///< the code came to its end; the guest lives
    stopped,     ///< SCHEDOP_shutdown(poweroff)
    rebooted,    ///< asked for, or a triple fault: the toolstack would start it anew, silently
    crashed,     ///< a fault with a word, or SCHEDOP_shutdown(crash)
    panicked,    ///< the guest's own assertion
    hung,        ///< nothing can wake it, or it spins
    left_down,   ///< it went down and nobody resumes it
    impatience,  ///< alive, but not at its end after MachineConfig::patience
};
const char* name_of(GuestEnd end) noexcept;

struct RunResult {
    GuestEnd end = GuestEnd::returned;
    std::string reason;  ///< empty when it returned
};

}  // namespace model

inline namespace v0 {

struct Machine {
    explicit Machine(const model::MachineConfig& configuration = {});
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    /// Runs the guest's boot code; after it, boot-only code is gone. A dead guest stays dead: both
    /// return how it died at once.
    template <class Boot>
    model::RunResult boot(Boot&& code) {
        model::RunResult result =
            run([&] { BootContext::with([&](BootContext& context) noexcept { code(context); }); });
        boot_over = true;
        return result;
    }
    /// Runs guest code on the guest's stack.
    model::RunResult run(std::function<void()> code);
    [[nodiscard]] bool alive() const { return death.end == model::GuestEnd::returned; }

    /// Ends the guest: never returns to the code that runs.
    [[noreturn]] void die(model::GuestEnd end, const std::string& reason);
    /// A fault in guest code: a crash, or a silent reboot when it has no gates for exceptions.
    [[noreturn]] void fault(const std::string& what);

    /// Writes an event as Witness::other_side.
    void sight(EventKind kind, uint32_t a = 0, uint64_t b = 0, int32_t status = 0);
    /// 0 .. limit ns, by the seed.
    Nanoseconds jitter(Nanoseconds limit);
    [[nodiscard]] const model::HostConfig& host() const { return *host_now; }
    void move_to(const model::HostConfig& host) { host_now = &host; }
    /// The domain builder's part for store and console: pages, channels, parameters.
    void connect_daemons();
    /// A device of the guest's, with its other end; its nodes are written by Backend::plug().
    template <class B, class Config>
    B& add_backend(const Config& configuration) {
        auto made = std::make_unique<B>(*this, configuration);
        B& backend = *made;
        backends.push_back(std::move(made));
        backend.plug();
        return backend;
    }
    /// What the toolstack does for each device when there is another domain.
    void replug();
    /// Uses another store than the one in this process; before boot.
    void use_store(std::unique_ptr<model::StoreSeam> other);

    const model::MachineConfig config;
    const std::unique_ptr<TraceEvent, void (*)(void*)> trace_storage;  ///< not filled with anything
    Trace trace;
    model::Clock clock;
    model::FaultPlan faults;
    const model::HostConfig* host_now;
    model::Memory memory;
    model::Reservation reservation;
    model::SharedInfo shared_info;
    model::Vcpus vcpus;
    model::Timekeeping timekeeping;
    model::EventChannels channels;
    model::HvmParams params;
    model::GrantTable grants;
    model::IoPorts ports;
    model::Console console;
    model::Domain domain;
    std::unique_ptr<model::StoreSeam> store;
    model::StoreRing store_ring;
    model::Toolstack toolstack;
    std::vector<std::unique_ptr<model::Backend>> backends;
    std::unique_ptr<model::KvmHost> kvm;  ///< null for a guest of Xen's

    model::Fiber fiber;
    std::mt19937_64 random;
    model::RunResult death;
    bool boot_over = false;
    bool hypercall_page_set = false;
    bool in_guest = false;            ///< guest code runs, not the machine's
    mutable uint64_t idle_reads = 0;  ///< of the counter, since anything else happened
    Nanoseconds run_limit = model::kNever;
};

}  // namespace v0

namespace model {

/// True while guest code runs in this thread: what an allocation counter is armed by.
bool guest_code_running() noexcept;

/// Marks guest code called by the machine (an interrupt handler).
class GuestSection {
  public:
    explicit GuestSection(Machine& machine) noexcept
        : machine_{machine}, before_{machine.in_guest} {
        machine.in_guest = true;
    }
    ~GuestSection() { machine_.in_guest = before_; }
    GuestSection(const GuestSection&) = delete;
    GuestSection& operator=(const GuestSection&) = delete;

  private:
    Machine& machine_;
    bool before_;
};

/// Marks the machine's own code called by the guest; every platform function begins with one.
class HostSection {
  public:
    explicit HostSection(Machine& machine) noexcept : machine_{machine}, before_{machine.in_guest} {
        machine.in_guest = false;
        machine.idle_reads = 0;
        machine.memory.drop_writes();
    }
    ~HostSection() { machine_.in_guest = before_; }
    HostSection(const HostSection&) = delete;
    HostSection& operator=(const HostSection&) = delete;

  private:
    Machine& machine_;
    bool before_;
};

}  // namespace model
}  // namespace resume
