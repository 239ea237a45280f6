// The engine: takes one guest down and up again, in order, in every outcome.
//
//   run(request):
//     down the rows of the step table (step_table.h) until `enter` or the first failure;
//     up the mirrors of the rows that were done, whatever happened.
//
// Errors on the way down unwind; errors on the way up are recorded and never stop the way up (P13).
// No threads, no heap, one cycle at a time (P7). While hooks are pending the engine waits by
// GuestOps::pump and wait_for_interrupt, so the store's watches go on (L23, F8).
#pragma once

#include "libresume/device_tree.h"
#include "libresume/policy.h"
#include "libresume/scheduler.h"
#include "libresume/step_table.h"

namespace resume {
inline namespace v0 {

/// What the guest does at the steps that are no device's. `guest` is handed back to each call. An
/// absent function means: nothing to do (a unikernel has no tasks; the agent has no store gate).
/// One that fails has undone what it did: its mirror is not called (P5).
struct GuestOps {
    void* guest = nullptr;
    /// Stops every task but the caller, none of them inside the store (F1, L4). Thread context.
    Result<> (*freeze_tasks)(void* guest, Ticks deadline) noexcept = nullptr;
    void (*thaw_tasks)(void* guest, Outcome outcome) noexcept = nullptr;
    /// Waits until no store request is in flight, then keeps everyone out (L4). Thread context.
    Result<> (*close_store)(void* guest, Ticks deadline) noexcept = nullptr;
    /// Resumed: the ring anew and all watches again, before anyone may add one (L5). Otherwise only
    /// lets them in. Errors are recorded.
    Result<> (*open_store)(void* guest, Outcome outcome) noexcept = nullptr;
    /// Every device's interrupt but those that must stay; the system devices' own are never masked.
    void (*mask_device_irqs)(void* guest) noexcept = nullptr;
    void (*unmask_device_irqs)(void* guest) noexcept = nullptr;
    /// The hypercall: CPU 0, interrupts off. Returns `cancelled` or `resumed`; an error means that
    /// the guest never left, and the cycle is aborted. Absent: the cycle is a test of the levels.
    Result<Outcome> (*enter)(void* guest) noexcept = nullptr;
    /// Called while the engine waits in a thread phase: delivers watches, runs completions.
    void (*pump)(void* guest) noexcept = nullptr;
    /// Optional watchdog that can name a synchronous hook that never returns (P11).
    void (*watchdog)(void* guest, DeviceId device, Phase phase, Ticks deadline) noexcept = nullptr;
};

struct EngineConfig {
    GuestOps guest{};
    Policy policy{};
    /// Bound on the way down, from run() to `enter`; below the host's 60 s (4.1.7).
    uint32_t down_budget_ms = 45'000;
    uint32_t hook_deadline_ms = 10'000;
    const StepTable* table = &kStepTable;
};

struct Request {
    Kind kind = Kind::xen_suspend;
    /// Go down to this step, then up as if called off there (P15: pm_test). `enter` = the whole
    /// way.
    Step last = Step::enter;
};

/// What a cycle came to. The first error on the way down is the cause of `aborted`.
struct CycleResult {
    Outcome outcome = Outcome::aborted;
    Error cause{};
    Step stopped_at = Step::none;
    DomainEvidence evidence = DomainEvidence::unknown;
    uint32_t errors_up = 0;  ///< hooks that failed on the way up
    uint32_t stray_completions = 0;
    uint32_t cycle = 0;  ///< number, from 1
    Ticks begin_ticks = 0;
    Ticks enter_ticks = 0;  ///< just before and just after the hypercall
    Ticks back_ticks = 0;
    Ticks end_ticks = 0;
};

class Engine {
  public:
    Engine(Machine& machine, const EngineConfig& config) noexcept;
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine();

    /// Parents first. busy in mid-cycle (P10: the caller tries again after it), exists when already
    /// registered, invalid when the parent is not registered here.
    Result<> add(Device& device, Device* parent) noexcept;
    /// In mid-cycle: its hooks that have not run are skipped, what it went down with is undone, and
    /// it leaves the tree at the end of the cycle; returns busy then, and its memory must stay
    /// until run() returns. Children go first: invalid when it has some.
    Result<> remove(Device& device) noexcept;
    /// cycle when the link would close one; busy in mid-cycle.
    Result<> link(DeviceLink& link, Device& consumer, Device& supplier) noexcept;
    /// Not in mid-cycle: asserted.
    void unlink(DeviceLink& link) noexcept;

    /// One cycle. busy when one is running (a second request in mid-cycle is refused, never
    /// queued); invalid when Request::last is not a step of the way down.
    Result<CycleResult> run(const Request& request) noexcept;

    /// Writes a cycle without steps to the trace: what the guest found out after the fact, since
    /// nobody announced it. busy in mid-cycle.
    Result<CycleResult> record(Kind kind, Outcome outcome, DomainEvidence evidence) noexcept;

    /// Calls the running cycle off: latched once, turned into a normal abort at the next device or
    /// step on the way down (P12); without effect once the hypercall was made. Any context.
    void call_off(Errc why) noexcept;

    [[nodiscard]] bool running() const noexcept;
    [[nodiscard]] DomainEvidence evidence() const noexcept;
    [[nodiscard]] uint32_t device_count() const noexcept;
    /// Every registered device, suppliers first: for whoever names the ids of a trace. Thread
    /// context; `see` must not change the tree.
    void each_device(void (*see)(void* argument, const Device& device) noexcept,
                     void* argument) noexcept;
    [[nodiscard]] uint64_t stray_completions() const noexcept;

  private:
    friend class Completer;
    friend class ThreadContext;
    friend class SyscoreContext;

    void begin(const Request& request) noexcept;
    uint8_t go_down(Step last) noexcept;
    void enter(Step last) noexcept;
    void come_up(uint8_t rows) noexcept;
    CycleResult end() noexcept;

    Error step_down(const StepRow& row) noexcept;
    Error do_down(const StepRow& row) noexcept;
    void step_up(const StepRow& row) noexcept;
    Error do_up(const StepRow& row) noexcept;
    Error may_go_on(Step step) noexcept;
    void abort(const Error& cause, Step at) noexcept;
    void know_outcome(Outcome outcome) noexcept;

    void write(EventKind kind, uint32_t arg32, int32_t status) noexcept;
    void write_device(const Device& device) noexcept;
    void write_links(const Device& device) noexcept;
    void write_inventory() noexcept;
    void drop_removed() noexcept;

    Machine& machine_;
    EngineConfig config_;
    DeviceTree tree_;
    CompletionQueue queue_;
    AbortLatch latch_;
    Scheduler scheduler_;
    std::atomic<bool> running_{false};
    CycleResult result_{};
    Ticks budget_ = 0;  ///< end of the way down
    uint64_t strays_before_ = 0;
    uint32_t cycles_ = 0;
    uint32_t trace_clears_ = 0;  ///< the trace's, when the inventory was last written to it
    bool removals_ = false;      ///< devices wait for the end of the cycle to leave
};

}  // namespace v0
}  // namespace resume
