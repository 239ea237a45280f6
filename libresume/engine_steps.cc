// What each step does. Steps with a phase go to the scheduler, the others to the guest or platform.
#include "libresume/engine.h"

namespace resume {
inline namespace v0 {

Error Engine::may_go_on(Step step) noexcept {
    RESUME_ASSERT(step <= Step::enter);
    if (const Errc why = scheduler_.called_off(); why != Errc::none) {
        return {.code = why};
    }
    if (raw_counter(machine_) > budget_) {
        return {.code = Errc::timed_out};
    }
    return {};
}

Error Engine::step_down(const StepRow& row) noexcept {
    if (const Error error = may_go_on(row.down); error.code != Errc::none) {
        return error;
    }
    write(EventKind::step_begin, static_cast<uint32_t>(row.down), 0);
    const Error error = row.liar ? Error{} : do_down(row);
    write(EventKind::step_end, static_cast<uint32_t>(row.down), static_cast<int32_t>(error.code));
    return error;
}

namespace {

Error error_of(const Result<>& result) noexcept {
    return result.ok() ? Error{} : result.error();
}

}  // namespace

Error Engine::do_down(const StepRow& row) noexcept {
    const GuestOps& guest = config_.guest;
    if (row.down_phase != Phase::none) {
        return scheduler_.run({.phase = row.down_phase,
                               .walk = row.down_walk,
                               .down = true,
                               .outcome = Outcome::aborted,
                               .budget = budget_});
    }
    switch (row.down) {
        case Step::freeze_tasks:
            return guest.freeze_tasks == nullptr
                       ? Error{}
                       : error_of(guest.freeze_tasks(guest.guest, budget_));
        case Step::close_store:
            return guest.close_store == nullptr ? Error{}
                                                : error_of(guest.close_store(guest.guest, budget_));
        case Step::mask_device_irqs:
            if (guest.mask_device_irqs != nullptr) {
                guest.mask_device_irqs(guest.guest);
            }
            return {};
        case Step::park_vcpus:
            return error_of(park_other_cpus(machine_));
        case Step::disable_irqs:
            disable_irqs(machine_);
            return {};
        default:
            panic("a row without a phase names a step that has one", __FILE__, __LINE__);
    }
}

void Engine::step_up(const StepRow& row) noexcept {
    write(EventKind::step_begin, static_cast<uint32_t>(row.up), 0);
    const Error error = row.liar ? Error{} : do_up(row);
    write(EventKind::step_end, static_cast<uint32_t>(row.up), static_cast<int32_t>(error.code));
}

Error Engine::do_up(const StepRow& row) noexcept {
    const GuestOps& guest = config_.guest;
    const Outcome outcome = result_.outcome;
    if (row.up_phase != Phase::none) {
        return scheduler_.run(
            {.phase = row.up_phase, .walk = row.up_walk, .down = false, .outcome = outcome});
    }
    switch (row.up) {
        case Step::enable_irqs:
            enable_irqs(machine_);
            return {};
        case Step::unpark_vcpus:
            unpark_other_cpus(machine_);
            return {};
        case Step::unmask_device_irqs:
            if (guest.unmask_device_irqs != nullptr) {
                guest.unmask_device_irqs(guest.guest);
            }
            return {};
        case Step::open_store:
            if (guest.open_store != nullptr) {
                const Error error = error_of(guest.open_store(guest.guest, outcome));
                result_.errors_up += error.code != Errc::none ? 1 : 0;
                return error;
            }
            return {};
        case Step::thaw_tasks:
            if (guest.thaw_tasks != nullptr) {
                guest.thaw_tasks(guest.guest, outcome);
            }
            return {};
        default:
            panic("a row without a phase names a step that has one", __FILE__, __LINE__);
    }
}

void Engine::write(EventKind kind, uint32_t arg32, int32_t status) noexcept {
    scheduler_.write(kind, raw_counter(machine_), kNoDevice, arg32, 0, status);
}

}  // namespace v0
}  // namespace resume
