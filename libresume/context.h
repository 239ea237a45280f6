// What a hook is handed, and with it what it may do. A hook that runs with interrupts masked gets a
// context that has no way to wait: `pending` cannot be expressed there.
#pragma once

#include "libresume/completer.h"
#include "libresume/platform/machine.h"
#include "libresume/result.h"

namespace resume {
inline namespace v0 {

class Engine;

/// The answer of a thread-phase hook.
class [[nodiscard]] Progress {
  public:
    static Progress done() noexcept { return Progress{}; }
    /// Only after ThreadContext::defer(); asserted by the engine.
    static Progress pending() noexcept {
        Progress progress;
        progress.pending_ = true;
        return progress;
    }
    Progress(Result<> result) noexcept : error_{result.ok() ? Error{} : result.error()} {}
    Progress(Errc code, int32_t detail = 0) noexcept : error_{.code = code, .detail = detail} {}

    [[nodiscard]] bool is_pending() const noexcept { return pending_; }
    [[nodiscard]] const Error& error() const noexcept { return error_; }

  private:
    Progress() noexcept = default;
    Error error_{};
    bool pending_ = false;
};

/// prepare, suspend, suspend_late and their mirrors: thread context, interrupts on, may wait by
/// deferring. The xenstore gate is open in prepare, suspend, resume and complete only.
class ThreadContext {
  public:
    ThreadContext(Machine& machine, Engine& engine, Device& device, Phase phase) noexcept
        : machine_{&machine}, engine_{&engine}, device_{&device}, phase_{phase} {}

    [[nodiscard]] Machine& machine() const noexcept { return *machine_; }
    [[nodiscard]] Phase phase() const noexcept { return phase_; }

    /// Arms the device's completion slot with its deadline (DriverOps::deadline_ms or the engine's
    /// default). At most once a hook.
    Completer defer() noexcept;
    /// What the cycle knows about the domain it woke in; `unknown` on the way down and in other
    /// outcomes than `resumed`.
    [[nodiscard]] DomainEvidence evidence() const noexcept;
    [[nodiscard]] bool deferred() const noexcept { return deferred_; }

  private:
    Machine* machine_;
    Engine* engine_;
    Device* device_;
    Phase phase_;
    bool deferred_ = false;
};

/// suspend_noirq and resume_noirq: device interrupts masked; must not wait.
class NoirqContext {
  public:
    explicit NoirqContext(Machine& machine) noexcept : machine_{&machine} {}
    [[nodiscard]] Machine& machine() const noexcept { return *machine_; }

  private:
    Machine* machine_;
};

/// syscore_suspend and syscore_resume: CPU 0, interrupts off, the others parked. No store, no
/// allocator, no clock before the rank `timekeeping` is up.
class SyscoreContext {
  public:
    SyscoreContext(Machine& machine, Engine& engine) noexcept
        : machine_{&machine}, engine_{&engine} {}
    [[nodiscard]] Machine& machine() const noexcept { return *machine_; }

    /// What the cycle knows about the domain it woke in; set once by the driver that finds it
    /// (rank shared_info), read by all ranks after it. `unknown` before and in other outcomes.
    [[nodiscard]] DomainEvidence evidence() const noexcept;
    void set_evidence(DomainEvidence evidence) noexcept;

  private:
    Machine* machine_;
    Engine* engine_;
};

}  // namespace v0
}  // namespace resume
