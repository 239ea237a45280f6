// A Xen HVM or PVH guest put together: the one place where its drivers are made, registered
// (parents first) and booted, and where the engine gets what is no device's. The embedder gives
// memory, adds its own devices and tasks, and calls suspend().
#pragma once

#include "drivers/callback/callback.h"
#include "drivers/console/console.h"
#include "drivers/grant_table/grant_table.h"
#include "drivers/store/store.h"
#include "drivers/support/tasks.h"
#include "drivers/unplug/unplug.h"
#include "drivers/xen_guest/early_clock.h"
#include "libresume/engine.h"

namespace resume {
inline namespace v0 {

/// Guest frames that the embedder sets aside for ever.
struct GuestPages {
    Gfn hypercall_page = 0;  ///< one page of the guest's memory
    Gfn shared_info = 0;     ///< one page of the guest's memory, or a hole
    Gfn vcpu_areas = 0;      ///< memory: cpu_count / kVcpuAreasPerPage pages, rounded up
    Gfn grant_table = 0;     ///< grant_frames pages of the guest's memory, or holes
    uint32_t grant_frames = 1;
    FifoPages fifo{};  ///< memory for the FIFO ABI of event channels; none: the 2-level ABI
};

struct XenGuestConfig {
    GuestPages pages{};
    CallbackConfig callback{};
    UnplugMask unplug = UnplugMask::none;  ///< HVM only
    Tasks tasks{};
    /// Runs on the vCPU that send_ipi() names, interrupts off; may come for nothing.
    ChannelHandler ipi = nullptr;
    void* ipi_argument = nullptr;
    Policy policy{};
    uint32_t down_budget_ms = 45'000;
    uint32_t hook_deadline_ms = 10'000;
    const StepTable* table = &kStepTable;
    Bugs bugs{};
    /// Bug hypercall_on_vcpu1 only: runs `act` on a parked CPU and waits for it.
    void (*run_on_parked)(Machine& machine, uint32_t cpu, void (*act)(void*) noexcept,
                          void* argument) noexcept = nullptr;
};

class XenGuest {
  public:
    /// `machine` outlives it. No hypercall yet.
    XenGuest(Machine& machine, const XenGuestConfig& config) noexcept;
    XenGuest(const XenGuest&) = delete;
    XenGuest& operator=(const XenGuest&) = delete;
    ~XenGuest();

    /// CPU 0: every driver in the order of the ranks. Afterwards interrupts may be enabled; the
    /// store is used only then, and its start() comes first.
    Result<> boot(BootContext& boot) noexcept;
    /// On each further CPU itself, interrupts off, after boot(): its upcall vector.
    Result<> boot_cpu(BootContext& boot) noexcept;

    // vCPUs after boot, one at a time and the last one first (drivers/vcpus); not in mid-cycle.
    /// Thread context, CPU 0, before the vCPU runs: `cpu` is cpu_count. It may be the second time.
    Result<> add_cpu(uint32_t cpu) noexcept;
    /// On it, interrupts off.
    Result<> enter_cpu() noexcept;
    /// Thread context, CPU 0, when it does not run any more and is not counted.
    void remove_cpu(uint32_t cpu) noexcept;

    /// The embedder's own devices; parent null = the store. After boot(), not in mid-cycle.
    Result<> add(Device& device, Device* parent = nullptr) noexcept;
    Result<> remove(Device& device) noexcept;

    /// One cycle, on CPU 0, thread context.
    Result<CycleResult> suspend(const Request& request = {}) noexcept;

    /// Moves the store on; to be called whenever the guest idles. Thread context, CPU 0.
    void pump() noexcept { store_.pump(); }
    /// False when the channel means nothing now.
    bool send_ipi(uint32_t cpu) noexcept;

    [[nodiscard]] Engine& engine() noexcept { return engine_; }
    [[nodiscard]] HypercallPage& hypercall_page() noexcept { return hypercall_page_; }
    [[nodiscard]] SharedInfo& shared_info() noexcept { return shared_info_; }
    [[nodiscard]] EventChannels& events() noexcept { return events_; }
    [[nodiscard]] Callback& callback() noexcept { return callback_; }
    [[nodiscard]] Timer& timer() noexcept { return timer_; }
    [[nodiscard]] Timekeeping& time() noexcept { return time_; }
    [[nodiscard]] GrantTable& grants() noexcept { return grants_; }
    [[nodiscard]] Unplug& unplug() noexcept { return unplug_; }
    [[nodiscard]] Console& console() noexcept { return console_; }
    [[nodiscard]] Store& store() noexcept { return store_; }
    [[nodiscard]] const XenGuestConfig& config() const noexcept { return config_; }

  private:
    static GuestOps guest_ops(XenGuest& guest) noexcept;
    static void set_unwinding(XenGuest& guest, bool on) noexcept;
    static EngineConfig engine_config(XenGuest& guest, const XenGuestConfig& config) noexcept;
    static Result<> freeze_tasks(void* self, Ticks deadline) noexcept;
    static void thaw_tasks(void* self, Outcome outcome) noexcept;
    static Result<> close_store(void* self, Ticks deadline) noexcept;
    static Result<> open_store(void* self, Outcome outcome) noexcept;
    static void mask_device_irqs(void* self) noexcept;
    static void unmask_device_irqs(void* self) noexcept;
    static Result<Outcome> enter(void* self) noexcept;
    static void pump_store(void* self) noexcept;
    Result<> add_drivers() noexcept;
    Result<> add_timers() noexcept;
    Result<> bind_ipis() noexcept;
    Result<> bind_ipi(uint32_t cpu) noexcept;

    Machine& machine_;
    XenGuestConfig config_;
    HypercallPage hypercall_page_;
    SharedInfo shared_info_;
    EventChannels events_;
    Callback callback_;
    Timer timer_;
    Timekeeping time_;
    GrantTable grants_;
    Unplug unplug_;
    Console console_;
    Store store_;
    EarlyClock early_clock_;
    StepTable table_{};         ///< bug no_unwind only: ours to break and to mend in mid-cycle
    bool timers_owed_ = false;  ///< of the CPUs but 0, since the last return of 0
    Channel ipis_[kMaxVcpus];
    Engine engine_;
};

}  // namespace v0
}  // namespace resume
