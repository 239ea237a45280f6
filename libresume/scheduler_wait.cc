// The part of the scheduler that waits: completions, deadlines, strays.
#include "libresume/engine.h"

namespace resume {
inline namespace v0 {
namespace {

// An interrupt may come between the last look at the queue and the idle call, and then wakes
// nobody. Idling in slices bounds what that costs.
constexpr Ticks kIdleSliceMs = 2;

}  // namespace

// True when a pending hook finished.
bool Scheduler::take_completions() noexcept {
    if (queue_.empty()) {
        return false;
    }
    bool any = false;
    const Ticks now = raw_counter(machine_);
    Device* next = queue_.take_completed();
    while (next != nullptr) {
        Device& device = *next;
        next = device.completion_.next_completed;
        CompletionQueue::release(device);
        if (device.state_ == Device::State::pending) {
            pending_.erase(pending_.iterator_to(device));
            conclude(device, device.completion_.error, now);
            any = true;
        }
    }
    trace_strays();
    return any;
}

void Scheduler::trace_strays() noexcept {
    if (queue_.empty()) {
        return;
    }
    const Ticks now = raw_counter(machine_);
    Device* next = queue_.take_strays();
    while (next != nullptr) {
        Device& device = *next;
        next = device.completion_.next_stray;
        const uint32_t count = device.completion_.strays.exchange(0, std::memory_order_acq_rel);
        write(EventKind::completion_stray, now, device.id_, count, 0, 0);
    }
}

// Fails the pending hooks whose deadline has come; true when there was one.
bool Scheduler::expire(Ticks now) noexcept {
    bool any = false;
    while (!pending_.empty() && pending_.begin()->turn_ <= now) {
        Device& device = *pending_.begin();
        if (!CompletionQueue::expire(device)) {
            return any;  // completed this very moment: it is taken from the queue instead
        }
        pending_.erase(pending_.begin());
        conclude(device, {.code = Errc::timed_out}, now);
        any = true;
    }
    return any;
}

// Until a pending hook finishes or its deadline comes. The thread that drives the suspend delivers
// the store's watches itself meanwhile (L23, F8).
void Scheduler::wait() noexcept {
    RESUME_ASSERT(!pending_.empty());
    RESUME_ASSERT(ready_.empty());
    if (plan_.down && !stopping_) {
        if (const Errc why = called_off(); why != Errc::none) {
            fail({.code = why, .phase = plan_.phase});
        }
    }
    if (config_.guest.pump != nullptr) {
        config_.guest.pump(config_.guest.guest);
    }
    if (take_completions() || expire(raw_counter(machine_)) || !queue_.empty()) {
        return;
    }
    const Ticks slice = raw_counter(machine_) + kIdleSliceMs * ticks_per_ms_;
    const Ticks deadline = pending_.begin()->turn_;
    wait_for_interrupt(machine_, deadline < slice ? deadline : slice);
}

}  // namespace v0
}  // namespace resume
