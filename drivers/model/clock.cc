#include "drivers/model/clock.h"

#include <algorithm>
#include <chrono>

namespace resume::model {

namespace {

// Longest real wait with no event in sight: whoever waits looks around that often.
constexpr Nanoseconds kLongestIdle = kSecond;

Nanoseconds real_now() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<Nanoseconds>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

}  // namespace

Nanoseconds Clock::real() const {
    now_ = std::max(now_, real_now() - real_start_);
    return now_;
}

Clock::EventId Clock::at(Nanoseconds when, Event event) {
    const EventId id = ++last_;
    events_.push_back({when, id, std::move(event)});
    std::push_heap(events_.begin(), events_.end());
    return id;
}

void Clock::cancel(EventId id) {
    const auto found = std::find_if(events_.begin(), events_.end(),
                                    [id](const Entry& entry) { return entry.id == id; });
    if (found != events_.end()) {
        *found = std::move(events_.back());
        events_.pop_back();
        std::make_heap(events_.begin(), events_.end());
    }
}

void Clock::run_due() {
    while (!events_.empty() && events_.front().when <= now()) {
        std::pop_heap(events_.begin(), events_.end());
        const Event event = std::move(events_.back().event);
        events_.pop_back();
        event();
    }
}

bool Clock::run_next(Nanoseconds limit) {
    const bool none = events_.empty();
    const Nanoseconds next = none ? limit : std::min(events_.front().when, limit);
    if (idle_) {
        const Nanoseconds present = now();
        if (next > present) {
            idle_(std::min(next - present, kLongestIdle));
        }
    } else {
        if (none && limit == kNever) {
            return false;
        }
        now_ = std::max(now_, next);
    }
    run_due();
    return true;
}

void Clock::make_real(Idle idle) {
    real_start_ = real_now() - now_;
    idle_ = std::move(idle);
}

}  // namespace resume::model
