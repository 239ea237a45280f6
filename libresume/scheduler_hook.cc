// The part of the scheduler that runs one hook of one device, and draws the consequences.
#include "libresume/engine.h"
#include "libresume/hook_call.h"

namespace resume {
inline namespace v0 {

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
