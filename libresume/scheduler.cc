#include "libresume/scheduler.h"

#include "libresume/engine.h"
#include "libresume/hook_call.h"

namespace resume {
inline namespace v0 {

void Scheduler::begin_cycle() noexcept {
    RESUME_ASSERT(ready_.empty());
    RESUME_ASSERT(pending_.empty());
    trace_ = &trace_of(machine_);
    const Ticks per_ms = counter_hz(machine_) / 1000;
    ticks_per_ms_ = per_ms > 0 ? per_ms : 1;
    errors_up_ = 0;
    abort_traced_ = false;
    random_ = config_.policy.seed;
}

void Scheduler::end_cycle() noexcept {
    RESUME_ASSERT(!busy());
    if (down_ != 0) {
        for (Device& device : tree_.order()) {
            device.went_down_ = 0;
        }
        down_ = 0;
    }
}

Error Scheduler::run(const PhasePlan& plan) noexcept {
    RESUME_ASSERT(!busy());
    RESUME_ASSERT(plan.phase != Phase::none);
    plan_ = plan;
    bit_ = static_cast<uint8_t>(1U << static_cast<uint8_t>(down_phase_of(plan.phase)));
    cpu_ = static_cast<uint8_t>(current_cpu(machine_));
    backward_ = plan.walk == Walk::children_first || plan.walk == Walk::by_rank_reversed;
    stopping_ = false;
    first_error_ = {};
    auto& order = tree_.order();
    auto& system = tree_.system();
    if (plan.walk == Walk::by_rank) {
        walk_in_place(system.begin(), system.end());
    } else if (plan.walk == Walk::by_rank_reversed) {
        walk_in_place(system.rbegin(), system.rend());
    } else if (config_.policy.order == Policy::Order::by_index) {
        backward_ ? walk_by_index(order.rbegin(), order.rend())
                  : walk_by_index(order.begin(), order.end());
    } else {
        backward_ ? enlist_all(order.rbegin(), order.rend())
                  : enlist_all(order.begin(), order.end());
    }
    settle();
    if (config_.guest.watchdog != nullptr) {
        config_.guest.watchdog(config_.guest.guest, kNoDevice, plan.phase, 0);
    }
    return first_error_;
}

// Ranks are a total order and their hooks cannot wait: no policy, no needs.
template <class Iterator>
void Scheduler::walk_in_place(Iterator at, Iterator end) noexcept {
    for (; at != end && !stopping_; ++at) {
        run_device(*at);
        RESUME_ASSERT(!busy());
    }
}

// The lowest of the ready devices goes next. What the walk has not reached yet stands behind all
// that it has, so released devices go first, and the walk itself needs no set.
template <class Iterator>
void Scheduler::walk_by_index(Iterator at, Iterator end) noexcept {
    while (at != end && !stopping_) {
        if (busy()) {
            take_completions();
            if (!ready_.empty()) {
                run_device(take_ready());
                continue;
            }
            Device& device = *at;
            ++at;
            if (const uint32_t needs = unfinished_needs(device); needs != 0) {
                block(device, needs);
            } else {
                run_device(device);
            }
            continue;
        }
        RESUME_ASSERT(ready_.empty());
        run_device(*at);
        ++at;
    }
}

template <class Iterator>
void Scheduler::enlist_all(Iterator at, Iterator end) noexcept {
    for (; at != end; ++at) {
        const uint32_t needs = unfinished_needs(*at);
        needs != 0 ? block(*at, needs) : make_ready(*at);
    }
}

// Until nothing is left: run what is ready, else wait for what is pending.
void Scheduler::settle() noexcept {
    while (!ready_.empty() || !pending_.empty()) {
        if (!pending_.empty()) {
            take_completions();
        }
        if (!ready_.empty()) {
            run_device(take_ready());
        } else if (!pending_.empty()) {
            wait();
        }
    }
    RESUME_ASSERT(blocked_ == 0);
    trace_strays();
}

// Needs stand before their device in any walk: an idle one is through, not unseen.
uint32_t Scheduler::unfinished_needs(const Device& device) const noexcept {
    uint32_t needs = 0;
    if (backward_) {
        for (const DeviceLink& link : device.consumers_) {
            needs += link.consumer()->state_ != Device::State::idle ? 1 : 0;
        }
    } else {
        for (const DeviceLink& link : device.suppliers_) {
            needs += link.supplier()->state_ != Device::State::idle ? 1 : 0;
        }
    }
    return needs;
}

void Scheduler::block(Device& device, uint32_t needs) noexcept {
    RESUME_ASSERT(device.state_ == Device::State::idle);
    device.state_ = Device::State::blocked;
    device.waits_for_ = needs;
    ++blocked_;
}

void Scheduler::make_ready(Device& device) noexcept {
    device.state_ = Device::State::ready;
    switch (config_.policy.order) {
        case Policy::Order::by_index:
            device.turn_ = backward_ ? ~uint64_t{device.index_} : device.index_;
            break;
        case Policy::Order::by_chooser:
            device.turn_ = device.index_;
            break;
        case Policy::Order::by_seed: {
            // splitmix64: each state gives one well-mixed word.
            random_ += 0x9e3779b97f4a7c15;
            uint64_t word = random_;
            word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
            word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
            device.turn_ = word ^ (word >> 31);
            break;
        }
    }
    ready_.insert(device);
}

Device& Scheduler::take_ready() noexcept {
    RESUME_ASSERT(!ready_.empty());
    auto next = ready_.begin();
    if (config_.policy.order == Policy::Order::by_chooser && ready_.size() > 1 && !stopping_) {
        RESUME_ASSERT(config_.policy.choose != nullptr);
        const auto size = static_cast<uint32_t>(ready_.size());
        const uint32_t chosen = config_.policy.choose(config_.policy.chooser, size);
        RESUME_ASSERT(chosen < size);
        for (uint32_t i = 0; i < chosen; ++i) {
            ++next;
        }
    }
    Device& device = *next;
    ready_.erase(next);
    return device;
}

void Scheduler::release_dependents(Device& device) noexcept {
    const auto count_down = [this](Device& dependent) noexcept {
        if (dependent.state_ == Device::State::blocked && --dependent.waits_for_ == 0) {
            --blocked_;
            make_ready(dependent);
        }
    };
    if (backward_) {
        for (DeviceLink& link : device.suppliers_) {
            count_down(*link.supplier());
        }
    } else {
        for (DeviceLink& link : device.consumers_) {
            count_down(*link.consumer());
        }
    }
}

void Scheduler::finish(Device& device) noexcept {
    device.state_ = Device::State::idle;
    if (blocked_ != 0) {
        release_dependents(device);
    }
}

}  // namespace v0
}  // namespace resume
