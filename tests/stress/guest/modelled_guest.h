// A whole guest on a modelled machine: the drivers' composition, the handshake, some devices and
// tasks of its own, a ticking timer. What scenarios, resume-guest and resume-stress run.
//
//   ModelledGuest guest{{.machine = {.vcpus = 2}, .bugs = Bug::cancel_as_resume}};
//   guest.boot();
//   Cycle cycle = guest.cycle(HostAct::migrate_fails_late);
//   oracle::Verdict verdict = guest.verdict();
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drivers/model/machine.h"
#include "drivers/vcpus/vcpus.h"
#include "libresume/oracle/judge.h"
#include "libresume/oracle/trace_report.h"
#include "tests/stress/guest/devices.h"
#include "tests/stress/guest/tasks.h"
#include "tests/stress/guest/trace_so_far.h"
#include "xen/handshake/handshake.h"

namespace resume::stress {

struct ModelledGuestConfig {
    model::MachineConfig machine{};
    Bugs bugs{};
    CallbackMode callback = CallbackMode::global_vector;
    Policy policy{};
    const StepTable* table = &kStepTable;
    std::vector<OwnDevice> devices = standard_devices(model::GuestKind::xen_hvm);
    bool fifo = false;      ///< it uses the FIFO ABI of event channels, where the host has it
    uint32_t tick_ms = 10;  ///< 0: no ticking
    uint32_t down_budget_ms = 45'000;
    uint32_t hook_deadline_ms = 10'000;
};

/// What one cycle came to, as the guest says it and as the host says it.
struct Cycle {
    model::RunResult run;  ///< how the guest's code ended; `returned` = it lives
    std::optional<CycleResult> result;
    std::optional<model::Errand> errand;

    [[nodiscard]] bool alive() const { return run.end == model::GuestEnd::returned; }
    [[nodiscard]] bool is(Outcome outcome) const {
        return alive() && result && result->outcome == outcome;
    }
};

class ModelledGuest {
  public:
    explicit ModelledGuest(const ModelledGuestConfig& config);
    ~ModelledGuest();
    ModelledGuest(const ModelledGuest&) = delete;
    ModelledGuest& operator=(const ModelledGuest&) = delete;

    /// Brings everything up, the handshake too.
    model::RunResult boot();
    /// The host asks, and the guest runs until its cycle is over and the host is done as well.
    Cycle cycle(model::HostAct act);
    /// Ordinary life for so long.
    model::RunResult idle(Nanoseconds duration);
    /// Guest code of the caller's own.
    model::RunResult run(std::function<void()> code) { return machine_.run(std::move(code)); }

    /// One round of the guest's main loop, to be called inside run(): moves the store, carries out
    /// a request if there is one, else waits for an interrupt, at most `longest`. True when a cycle
    /// came to its end.
    bool serve(Nanoseconds longest);
    [[nodiscard]] const std::optional<CycleResult>& last() const { return last_; }
    [[nodiscard]] const Error& last_error() const { return last_error_; }

    /// Guest code of the caller's own in each round of the main loop: it pumps its devices.
    void work_with(std::function<void()> work) { work_ = std::move(work); }

    /// Follows what the toolstack wants of vCPUs, of which there are MachineConfig::offline more.
    [[nodiscard]] Vcpus& vcpus() { return *vcpus_; }
    [[nodiscard]] Machine& machine() { return machine_; }
    [[nodiscard]] XenGuest& guest() { return *guest_; }
    [[nodiscard]] Tasks& tasks() { return *tasks_; }
    [[nodiscard]] std::vector<std::unique_ptr<OrdinaryDevice>>& devices() { return devices_; }
    [[nodiscard]] OrdinaryDevice& device(const std::string& name);
    /// Guest code: registers one of them below its parent; not in mid-cycle.
    Result<> add_device(size_t index);
    [[nodiscard]] uint64_t ticks() const { return ticks_[0]; }
    /// Those that nobody armed.
    [[nodiscard]] uint64_t unasked_ticks() const { return unasked_ticks_; }
    [[nodiscard]] uint64_t ticks_of(uint32_t vcpu) const { return ticks_[vcpu]; }
    /// ns by which its own clock was seen to go back, at most; and the longest leap of a tick.
    [[nodiscard]] Nanoseconds worst_step_back() const { return worst_step_back_; }
    [[nodiscard]] Nanoseconds longest_gap() const { return longest_gap_; }

    /// How long the trace is by now; cheaper than the trace itself.
    [[nodiscard]] size_t event_count() {
        collect();
        return view_.events.size();
    }
    [[nodiscard]] TraceSoFar trace_so_far() const { return {view_, machine_.trace}; }
    /// The trace since boot.
    [[nodiscard]] const oracle::TraceView& view();
    [[nodiscard]] oracle::Verdict verdict() { return oracle::judge(view()); }

  private:
    using GuestHandshake = Handshake<Store>;

    static Result<> start_vcpu(void* self, uint32_t cpu) noexcept;
    static Result<> stop_vcpu(void* self, uint32_t cpu) noexcept;
    void start();
    void collect();
    void finish(const ShutdownRequest& request);
    static void on_tick(void* self, uint32_t cpu) noexcept;
    /// On that vCPU; nothing when it does not tick.
    void arm_tick(uint32_t cpu) noexcept;
    static void run_on_parked(Machine& machine, uint32_t cpu, void (*act)(void*) noexcept,
                              void* argument) noexcept;

    ModelledGuestConfig config_;
    std::function<void()> work_;
    Machine machine_;
    std::unique_ptr<Tasks> tasks_{new Tasks};
    // Never destroyed when the guest died in the middle of something.
    alignas(XenGuest) std::byte guest_memory_[sizeof(XenGuest)];
    alignas(GuestHandshake) std::byte handshake_memory_[sizeof(GuestHandshake)];
    alignas(Vcpus) std::byte vcpus_memory_[sizeof(Vcpus)];
    XenGuest* guest_ = nullptr;
    GuestHandshake* handshake_ = nullptr;
    Vcpus* vcpus_ = nullptr;  ///< only where some are offline
    std::vector<std::unique_ptr<OrdinaryDevice>> devices_;
    oracle::TraceView view_;
    bool started_ = false;
    std::optional<CycleResult> last_;
    Error last_error_{};
    uint64_t ticks_[kMaxVcpus] = {};
    bool armed_[kMaxVcpus] = {};
    uint64_t unasked_ticks_ = 0;
    Nanoseconds last_tick_ = 0;
    Nanoseconds worst_step_back_ = 0;
    Nanoseconds longest_gap_ = 0;
};

}  // namespace resume::stress
