// A whole guest of KVM's on a modelled machine: the drivers' composition, a few devices and a task
// of its own, a tick on every vCPU. The counterpart of ModelledGuest.
//
//   KvmModelledGuest guest{{.machine = {.guest = model::GuestKind::kvm, .vcpus = 2}}};
//   guest.boot();
//   KvmCycle cycle = guest.cycle(Kind::s3, Outcome::resumed);
//   guest.happens(model::KvmAct::migrate, 2 * model::kSecond);
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drivers/kvm_guest/kvm_guest.h"
#include "drivers/model/kvm/host.h"
#include "drivers/model/machine.h"
#include "libresume/oracle/judge.h"
#include "libresume/oracle/trace_report.h"
#include "tests/stress/guest/devices.h"
#include "tests/stress/guest/trace_so_far.h"

namespace resume::stress {

struct KvmModelledGuestConfig {
    model::MachineConfig machine{.guest = model::GuestKind::kvm};
    Bugs bugs{};
    Policy policy{};
    const StepTable* table = &kStepTable;
    std::vector<OwnDevice> devices = standard_devices(model::GuestKind::kvm);
    uint32_t hook_deadline_ms = 10'000;
    uint32_t tick_ms = 10;      ///< 0: no ticking
    bool wall_backward = true;  ///< the wall clock is put back, too
    bool looks_around = true;   ///< on each round of the main loop
    bool reseed_fails = false;  ///< the guest's random number generator takes nothing
};

/// What one cycle came to.
struct KvmCycle {
    model::RunResult run;
    std::optional<CycleResult> result;
    [[nodiscard]] bool alive() const { return run.end == model::GuestEnd::returned; }
    [[nodiscard]] bool is(Outcome outcome) const {
        return alive() && result && result->outcome == outcome;
    }
};

class KvmModelledGuest {
  public:
    explicit KvmModelledGuest(const KvmModelledGuestConfig& config);
    ~KvmModelledGuest();
    KvmModelledGuest(const KvmModelledGuest&) = delete;
    KvmModelledGuest& operator=(const KvmModelledGuest&) = delete;

    /// What else is done at boot, and on each round of the main loop and while the engine waits.
    void boot_with(std::function<Result<>(BootContext&)> boot) { boot_more_ = std::move(boot); }
    void work_with(std::function<void()> work) { work_ = std::move(work); }
    model::RunResult boot();
    /// Suspends; the world is made such that this outcome comes of it: a device that refuses, a
    /// firmware that does not sleep, an image that cannot be written.
    KvmCycle cycle(Kind kind, Outcome wanted);
    /// One cycle with nothing arranged.
    KvmCycle suspend(Kind kind);
    /// The host does that to the running guest; it notices when it looks around next.
    model::RunResult happens(model::KvmAct act, Nanoseconds away);
    /// Ordinary life for so long.
    model::RunResult idle(Nanoseconds duration);
    model::RunResult run(std::function<void()> code) { return machine_.run(std::move(code)); }

    [[nodiscard]] Machine& machine() { return machine_; }
    [[nodiscard]] model::KvmHost& host() { return *machine_.kvm; }
    [[nodiscard]] KvmGuest& guest() { return *guest_; }
    [[nodiscard]] std::vector<std::unique_ptr<OrdinaryDevice>>& devices() { return devices_; }
    [[nodiscard]] OrdinaryDevice& device(const std::string& name);
    /// Guest code: registers one of them below its parent; not in mid-cycle.
    Result<> add_device(size_t index);
    /// The guest's random number generator takes nothing from now on, or does again.
    void fail_reseeds(bool fail) { config_.reseed_fails = fail; }
    /// What look_around() found since the last cycle or the last call of happens().
    [[nodiscard]] const std::vector<resume::Finding>& findings() const { return findings_; }
    [[nodiscard]] uint64_t ticks_of(uint32_t vcpu) const { return ticks_[vcpu]; }
    [[nodiscard]] Nanoseconds worst_step_back() const { return worst_step_back_; }
    /// Real time less the guest's wall clock, now.
    [[nodiscard]] int64_t wall_error_ns();

    [[nodiscard]] TraceSoFar trace_so_far() const { return {view_, machine_.trace}; }
    [[nodiscard]] const oracle::TraceView& view();
    [[nodiscard]] oracle::Verdict verdict() { return oracle::judge(view()); }
    /// Forgets the trace so far: for lives that are not judged by it.
    void drop_trace();

  private:
    void start();
    void work();
    void serve(Nanoseconds longest);
    void collect();
    void tasks_frozen(bool frozen);
    static void on_tick(void* self, uint32_t cpu) noexcept;
    KvmGuestConfig guest_config();

    KvmModelledGuestConfig config_;
    Machine machine_;
    struct alignas(4096) AreaPage {
        KvmVcpuArea areas[4096 / sizeof(KvmVcpuArea)];
    };
    std::unique_ptr<AreaPage[]> areas_;
    alignas(64) KvmWallClock wall_{};
    IrqLine power_button_;
    std::function<Result<>(BootContext&)> boot_more_;
    std::function<void()> work_;
    // Never destroyed when the guest died in the middle of something.
    alignas(KvmGuest) std::byte guest_memory_[sizeof(KvmGuest)];
    KvmGuest* guest_ = nullptr;
    std::vector<std::unique_ptr<OrdinaryDevice>> devices_;
    oracle::TraceView view_;
    std::vector<resume::Finding> findings_;
    bool started_ = false;
    uint64_t ticks_[kMaxVcpus] = {};
    Nanoseconds last_tick_ = 0;
    bool frozen_ = false;  ///< its one task
    Nanoseconds worst_step_back_ = 0;
};

}  // namespace resume::stress
