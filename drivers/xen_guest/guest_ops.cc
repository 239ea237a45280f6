// What the engine does at the steps that are no device's.
#include "drivers/support/xen_result.h"
#include "drivers/xen_guest/xen_guest.h"

namespace resume {
inline namespace v0 {
namespace {

/// The one call that the guest does not come back from, or comes back from elsewhere.
struct Shutdown {
    Machine* machine;
    long value;

    static void make(void* self) noexcept {
        auto* shutdown = static_cast<Shutdown*>(self);
        sched_shutdown reason{.reason = SHUTDOWN_suspend};
        shutdown->value = xen::sched_op(*shutdown->machine, SCHEDOP_shutdown, reason);
    }
};

}  // namespace

EngineConfig XenGuest::engine_config(XenGuest& guest, const XenGuestConfig& config) noexcept {
    EngineConfig engine;
    engine.guest = guest_ops(guest);
    engine.policy = config.policy;
    engine.down_budget_ms = config.down_budget_ms;
    engine.hook_deadline_ms = config.hook_deadline_ms;
    engine.table = config.table;
    if (config.bugs.has(Bug::no_unwind)) {
        guest.table_ = kStepTable;
        engine.table = &guest.table_;
    }
    return engine;
}

/// Bug no_unwind: a walk by rank passes every ordinary device by, and those are who it leaves
/// frozen.
void XenGuest::set_unwinding(XenGuest& guest, bool on) noexcept {
    if (!guest.config_.bugs.has(Bug::no_unwind)) {
        return;
    }
    for (uint8_t i = 0; i < guest.table_.count; ++i) {
        StepRow& row = guest.table_.rows[i];
        if (row.up == Step::resume || row.up == Step::complete) {
            row.up_walk = on ? kStepTable.rows[i].up_walk : Walk::by_rank;
        }
    }
}

GuestOps XenGuest::guest_ops(XenGuest& guest) noexcept {
    GuestOps ops;
    ops.guest = &guest;
    ops.freeze_tasks = &XenGuest::freeze_tasks;
    ops.thaw_tasks = &XenGuest::thaw_tasks;
    ops.close_store = &XenGuest::close_store;
    ops.open_store = &XenGuest::open_store;
    ops.mask_device_irqs = &XenGuest::mask_device_irqs;
    ops.unmask_device_irqs = &XenGuest::unmask_device_irqs;
    ops.enter = &XenGuest::enter;
    ops.pump = &XenGuest::pump_store;
    return ops;
}

/// Stopped while we hold the store's lock, so that none of them is stopped while it holds it (F1).
Result<> XenGuest::freeze_tasks(void* self, Ticks deadline) noexcept {
    auto& guest = *static_cast<XenGuest*>(self);
    set_unwinding(guest, false);
    const Tasks& tasks = guest.config_.tasks;
    if (tasks.freeze == nullptr) {
        return {};
    }
    if (guest.config_.bugs.has(Bug::store_in_flight)) {
        return tasks.freeze(tasks.tasks, deadline);
    }
    RESUME_TRY(guest.store_.lock_out(deadline));
    const Result<> frozen = tasks.freeze(tasks.tasks, deadline);
    guest.store_.let_in();
    return frozen;
}

void XenGuest::thaw_tasks(void* self, Outcome outcome) noexcept {
    const Tasks& tasks = static_cast<XenGuest*>(self)->config_.tasks;
    if (tasks.thaw != nullptr) {
        tasks.thaw(tasks.tasks, outcome);
    }
}

Result<> XenGuest::close_store(void* self, Ticks deadline) noexcept {
    auto& guest = *static_cast<XenGuest*>(self);
    set_unwinding(guest, true);
    return guest.store_.close(deadline);
}

Result<> XenGuest::open_store(void* self, Outcome outcome) noexcept {
    auto& guest = *static_cast<XenGuest*>(self);
    const bool told_wrong =
        outcome == Outcome::aborted && guest.config_.bugs.has(Bug::abort_as_restore);
    if (told_wrong) {
        return guest.store_.open(Outcome::resumed, DomainEvidence::fresh);
    }
    return guest.store_.open(outcome, guest.engine_.evidence());
}

void XenGuest::mask_device_irqs(void* self) noexcept {
    static_cast<XenGuest*>(self)->events_.mask_devices();
}

void XenGuest::unmask_device_irqs(void* self) noexcept {
    auto& guest = *static_cast<XenGuest*>(self);
    // Every CPU has its timer before the first device's interrupt comes.
    if (guest.timers_owed_) {
        guest.timers_owed_ = false;
        guest.timer_.rearm_other_cpus();
    }
    guest.events_.unmask_devices();
}

Result<Outcome> XenGuest::enter(void* self) noexcept {
    auto& guest = *static_cast<XenGuest*>(self);
    Shutdown shutdown{.machine = &guest.machine_, .value = 0};
    const XenGuestConfig& config = guest.config_;
    const bool elsewhere = config.bugs.has(Bug::hypercall_on_vcpu1) &&
                           config.run_on_parked != nullptr && cpu_count(guest.machine_) > 1;
    if (elsewhere) {
        config.run_on_parked(guest.machine_, 1, &Shutdown::make, &shutdown);
    } else {
        RESUME_ASSERT(current_cpu(guest.machine_) == 0);  // the toolstack writes into vCPU 0 (L2)
        Shutdown::make(&shutdown);
    }
    if (shutdown.value < 0) {
        return xen_result(shutdown.value).error();
    }
    const bool resumed = shutdown.value == 0 || config.bugs.has(Bug::cancel_as_resume);
    guest.timers_owed_ = resumed;
    return resumed ? Outcome::resumed : Outcome::cancelled;
}

void XenGuest::pump_store(void* self) noexcept {
    static_cast<XenGuest*>(self)->pump();
}

}  // namespace v0
}  // namespace resume
