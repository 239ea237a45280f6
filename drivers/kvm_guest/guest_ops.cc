// What the engine does at the steps that are no device's.
#include "drivers/kvm_guest/kvm_guest.h"

namespace resume {
inline namespace v0 {

EngineConfig KvmGuest::engine_config(KvmGuest& guest, const KvmGuestConfig& config) noexcept {
    EngineConfig engine;
    engine.guest.guest = &guest;
    engine.guest.freeze_tasks = &KvmGuest::freeze_tasks;
    engine.guest.thaw_tasks = &KvmGuest::thaw_tasks;
    engine.guest.mask_device_irqs = &KvmGuest::mask_device_irqs;
    engine.guest.unmask_device_irqs = &KvmGuest::unmask_device_irqs;
    engine.guest.enter = &KvmGuest::enter;
    engine.guest.pump = &KvmGuest::pump;
    engine.policy = config.policy;
    engine.down_budget_ms = config.down_budget_ms;
    engine.hook_deadline_ms = config.hook_deadline_ms;
    engine.table = &guest.table_;
    return engine;
}

Result<> KvmGuest::freeze_tasks(void* self, Ticks deadline) noexcept {
    const Tasks& tasks = static_cast<KvmGuest*>(self)->config_.tasks;
    return tasks.freeze != nullptr ? tasks.freeze(tasks.tasks, deadline) : Result<>{};
}

void KvmGuest::thaw_tasks(void* self, Outcome outcome) noexcept {
    const Tasks& tasks = static_cast<KvmGuest*>(self)->config_.tasks;
    if (tasks.thaw != nullptr) {
        tasks.thaw(tasks.tasks, outcome);
    }
}

void KvmGuest::mask_device_irqs(void* self) noexcept {
    auto& guest = *static_cast<KvmGuest*>(self);
    guest.lines_.mask();
    if (guest.config_.bugs.has(Bug::wakeup_asked_twice)) {
        guest.lines_.forget_wakeup();
    }
}

void KvmGuest::unmask_device_irqs(void* self) noexcept {
    static_cast<KvmGuest*>(self)->lines_.unmask();
}

void KvmGuest::pump(void* self) noexcept {
    const KvmGuestConfig& config = static_cast<KvmGuest*>(self)->config_;
    if (config.pump != nullptr) {
        config.pump(config.pump_argument);
    }
}

/// All CPUs idle until a line wakes the guest. Only those that may wake it do anything; the tick
/// goes on.
Result<Outcome> KvmGuest::enter_s2idle() noexcept {
    while (!lines_.woken()) {
        wait_for_interrupt(machine_, ~Ticks{0});
    }
    return Outcome::resumed;
}

Result<Outcome> KvmGuest::enter(void* self) noexcept {
    auto& guest = *static_cast<KvmGuest*>(self);
    if (guest.kind_ == Kind::s2idle) {
        return guest.enter_s2idle();
    }
    if (guest.kind_ == Kind::hibernate) {
        const Result<Image> image = make_image(guest.machine_);
        if (!image.ok()) {
            return image.error();
        }
        if (image.value() == Image::made) {
            return Outcome::cancelled;
        }
        guest.timer_.expect_another_life();
        return Outcome::resumed;
    }
    return sleep_s3(guest.machine_, guest.config_.sleep) == Waking::by_vector ? Outcome::resumed
                                                                              : Outcome::cancelled;
}

}  // namespace v0
}  // namespace resume
