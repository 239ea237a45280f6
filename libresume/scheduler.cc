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

// Down: whoever has the hook. Up: whoever went down with its mirror (P4).
bool Scheduler::due(const Device& device) const noexcept {
    return (plan_.down || (device.went_down_ & bit_) != 0) && has_hook(device.ops(), plan_.phase);
}

void Scheduler::run_device(Device& device) noexcept {
    if (stopping_ || !due(device)) {
        finish(device);
        return;
    }
    if (plan_.down) {
        if (device.removed_) {
            write(EventKind::hook_skipped, raw_counter(machine_), device.id_, 0, 0, 0);
            finish(device);
            return;
        }
        if (const Errc why = called_off(); why != Errc::none) {
            fail({.code = why, .phase = plan_.phase});
            finish(device);
            return;
        }
    }
    const Ticks limit = limit_of(device);
    const Ticks begin = raw_counter(machine_);
    write(EventKind::hook_begin, begin, device.id_,
          plan_.down ? 0 : static_cast<uint32_t>(plan_.outcome), 0, 0);
    if (config_.guest.watchdog != nullptr) {
        config_.guest.watchdog(config_.guest.guest, device.id_, plan_.phase, begin + limit);
    }
    device.state_ = Device::State::running;
    const Answer answer = call(device);
    const Ticks now = raw_counter(machine_);
    if (now - begin > limit) {
        write(EventKind::hook_overrun, now, device.id_, 0, now - begin, 0);
    }
    if (answer.pending) {
        write(EventKind::hook_pending, now, device.id_, 0, 0, 0);
        const Ticks deadline = begin + limit;
        device.turn_ = plan_.down && plan_.budget < deadline ? plan_.budget : deadline;
        device.state_ = Device::State::pending;
        pending_.insert(device);
        return;
    }
    conclude(device, answer.error, now);
    // It went down, if late: it keeps its mirror, and the cycle ends in its name.
    if (plan_.down && now - begin > limit) {
        fail({.code = Errc::timed_out, .phase = plan_.phase, .device = device.id_});
    }
}

Scheduler::Answer Scheduler::call(Device& device) noexcept {
    const DriverOps& ops = device.ops();
    Result<> result;
    switch (plan_.phase) {
        case Phase::suspend_noirq:
        case Phase::resume_noirq: {
            NoirqContext context{machine_};
            result = plan_.down ? ops.suspend_noirq(device, context)
                                : ops.resume_noirq(device, context, plan_.outcome);
            break;
        }
        case Phase::syscore_suspend:
        case Phase::syscore_resume: {
            SyscoreContext context{machine_, engine_};
            result = plan_.down ? ops.syscore_suspend(device, context)
                                : ops.syscore_resume(device, context, plan_.outcome);
            break;
        }
        default:
            return call_thread(device);
    }
    return {.error = result.ok() ? Error{} : result.error(), .pending = false};
}

Scheduler::Answer Scheduler::call_thread(Device& device) noexcept {
    ThreadContext context{machine_, engine_, device, plan_.phase};
    const Progress progress =
        call_thread_hook(device, device.ops(), context, plan_.phase, plan_.outcome);
    if (progress.is_pending()) {
        RESUME_ASSERT(context.deferred());
        return {.error = {}, .pending = true};
    }
    if (context.deferred() && !CompletionQueue::expire(device)) {
        // Completed (or its completer dropped) before the hook returned: wait for nothing, but a
        // hook that says `done` after dropping its completer has failed.
        while (CompletionQueue::is_completed(device)) {
            take_completions();  // another CPU may be between its word and its push
        }
        const Error& dropped = device.completion_.error;
        return {.error = progress.error().code != Errc::none ? progress.error() : dropped,
                .pending = false};
    }
    return {.error = progress.error(), .pending = false};
}

void Scheduler::conclude(Device& device, const Error& error, Ticks now) noexcept {
    write(EventKind::hook_end, now, device.id_, 0,
          static_cast<uint64_t>(static_cast<int64_t>(error.detail)),
          static_cast<int32_t>(error.code));
    Error named = error;
    named.phase = plan_.phase;
    named.device = device.id_;
    if (plan_.down) {
        if (error.code == Errc::none) {
            device.went_down_ |= bit_;
            ++down_;
        } else {
            fail(named);
        }
        if (now > plan_.budget) {
            fail({.code = Errc::timed_out, .phase = plan_.phase, .device = device.id_});
        }
    } else {
        device.went_down_ &= static_cast<uint8_t>(~bit_);
        --down_;
        if (error.code != Errc::none) {
            ++errors_up_;
            fail(named);
        }
    }
    finish(device);
}

// Down, nothing more starts; up, the error is recorded and everything goes on (P13).
void Scheduler::fail(const Error& error) noexcept {
    RESUME_ASSERT(error.code != Errc::none);
    if (first_error_.code == Errc::none) {
        first_error_ = error;
    }
    stopping_ = plan_.down;
}

Ticks Scheduler::limit_of(const Device& device) const noexcept {
    const uint32_t ms = device.ops().deadline_ms;
    return ticks_per_ms_ * (ms != 0 ? ms : config_.hook_deadline_ms);
}

Errc Scheduler::called_off() noexcept {
    const Errc why = latch_.requested();
    if (why != Errc::none && !abort_traced_) {
        abort_traced_ = true;
        write(EventKind::abort_requested, raw_counter(machine_), kNoDevice, 0, 0,
              static_cast<int32_t>(why));
    }
    return why;
}

void Scheduler::write(EventKind kind, Ticks ticks, DeviceId device, uint32_t arg32, uint64_t arg64,
                      int32_t status) noexcept {
    RESUME_ASSERT(trace_ != nullptr);
    trace_->write({.ticks = ticks,
                   .arg64 = arg64,
                   .arg32 = arg32,
                   .status = status,
                   .device = device,
                   .kind = kind,
                   .phase = device != kNoDevice ? plan_.phase : Phase::none,
                   .witness = Witness::engine,
                   .cpu = cpu_});
}

}  // namespace v0
}  // namespace resume
