// A guest of KVM's put together: the one place where its drivers are made, registered (parents
// first) and booted, and where the engine gets what is no device's. The embedder gives memory, adds
// its own devices and tasks, calls suspend(), and now and then look_around(): a live migration
// tells a guest nothing, so that it has to look.
#pragma once

#include "drivers/apic_timer/apic_timer.h"
#include "drivers/kvm_guest/watchdog.h"
#include "drivers/steal_time/steal_time.h"
#include "drivers/support/tasks.h"
#include "drivers/vmgenid/vmgenid.h"
#include "libresume/engine.h"

namespace resume {
inline namespace v0 {

struct KvmGuestConfig {
    KvmVcpuArea* areas = nullptr;  ///< one a CPU, page-aligned, for ever
    KvmWallClock* wall = nullptr;
    VmgenidConfig generation{};
    SleepRegisters sleep{};
    Tasks tasks{};
    /// A wall clock that is ahead is put back, too; else only one that is behind is put forward.
    bool wall_backward = false;
    /// Called while the engine waits: completions of devices.
    void (*pump)(void* argument) noexcept = nullptr;
    void* pump_argument = nullptr;
    Policy policy{};
    uint32_t down_budget_ms = 45'000;
    uint32_t hook_deadline_ms = 10'000;
    const StepTable* table = &kStepTable;
    Bugs bugs{};
};

/// What look_around() found.
struct Finding {
    bool interrupted = false;  ///< the guest was stopped, or is elsewhere
    bool moved = false;        ///< its host's clock or its past is another: not a mere pause
    Descent descent = Descent::same;
    int64_t wall_step_ns = 0;  ///< what the wall clock was moved by
    Errc reseed = Errc::none;  ///< why the reseed that was needed failed
};

class KvmGuest {
  public:
    /// A wall clock that is off by less is left alone: what reading it takes is within.
    static constexpr int64_t kWallBoundNs = 1'000'000;

    KvmGuest(Machine& machine, const KvmGuestConfig& config) noexcept;
    KvmGuest(const KvmGuest&) = delete;
    KvmGuest& operator=(const KvmGuest&) = delete;

    /// CPU 0: every driver in the order of the ranks.
    Result<> boot(BootContext& boot) noexcept;
    /// On each further CPU itself, interrupts off, after boot().
    void boot_cpu(uint32_t cpu) noexcept;
    /// Boot: a line of the embedder's that may wake the guest.
    Result<> attach(BootContext& boot, IrqLine& line) noexcept { return lines_.attach(boot, line); }

    /// The embedder's own devices. After boot(), not in mid-cycle.
    Result<> add(Device& device, Device* parent = nullptr) noexcept;
    Result<> remove(Device& device) noexcept;

    /// One cycle of kind s3, s2idle, hibernate or pm_test, on CPU 0, thread context. unsupported
    /// for another kind.
    Result<CycleResult> suspend(const Request& request) noexcept;
    /// Thread context, CPU 0, not in mid-cycle: finds out whether the guest was stopped or moved,
    /// reseeds, puts the wall clock right, and records it as a cycle of kind pause or restore.
    Finding look_around() noexcept;
    /// On each tick of a CPU's timer.
    void on_tick(uint32_t cpu) noexcept;

    [[nodiscard]] Engine& engine() noexcept { return engine_; }
    [[nodiscard]] IrqLines& lines() noexcept { return lines_; }
    [[nodiscard]] Kvmclock& time() noexcept { return clock_; }
    [[nodiscard]] StealTime& steal() noexcept { return steal_; }
    [[nodiscard]] ApicTimer& timer() noexcept { return timer_; }
    [[nodiscard]] Vmgenid& generation() noexcept { return generation_; }
    [[nodiscard]] const Watchdog& watchdog() const noexcept { return watchdog_; }
    [[nodiscard]] const KvmGuestConfig& config() const noexcept { return config_; }

  private:
    static EngineConfig engine_config(KvmGuest& guest, const KvmGuestConfig& config) noexcept;
    static Result<> freeze_tasks(void* self, Ticks deadline) noexcept;
    static void thaw_tasks(void* self, Outcome outcome) noexcept;
    static void mask_device_irqs(void* self) noexcept;
    static void unmask_device_irqs(void* self) noexcept;
    static Result<Outcome> enter(void* self) noexcept;
    static void pump(void* self) noexcept;
    static void on_wake(void* self) noexcept;
    Result<Outcome> enter_s2idle() noexcept;
    void choose_steps(Kind kind) noexcept;
    Result<> add_drivers() noexcept;
    void remember_host() noexcept;
    bool collect_stops() noexcept;
    void put_wall_right(Finding& finding) noexcept;

    Machine& machine_;
    KvmGuestConfig config_;
    StepTable table_{};  ///< the steps of the kind that runs
    Kind kind_ = Kind::s3;
    IrqLines lines_;
    Kvmclock clock_;
    StealTime steal_;
    ApicTimer timer_;
    Vmgenid generation_;
    Watchdog watchdog_;
    bool stopped_ = false;  ///< the host said so since we looked around
    uint32_t rebases_ = 0;
    Ticks rate_ = 0;  ///< TSC ticks a second when we looked around
    Engine engine_;
};

}  // namespace v0
}  // namespace resume
