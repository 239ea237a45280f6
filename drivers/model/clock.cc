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

Nanoseconds Clock::now() const {
    if (idle_) {
        now_ = std::max(now_, real_now() - real_start_);
    }
    return now_;
}

Clock::EventId Clock::at(Nanoseconds when, Event event) {
    const EventId id = ++last_;
    events_.emplace(Key{when, id}, std::move(event));
    times_.emplace(id, when);
    return id;
}

void Clock::cancel(EventId id) {
    const auto found = times_.find(id);
    if (found != times_.end()) {
        events_.erase(Key{found->second, id});
        times_.erase(found);
    }
}

void Clock::run_due() {
    while (!events_.empty() && events_.begin()->first.first <= now()) {
        auto node = events_.extract(events_.begin());
        times_.erase(node.key().second);
        node.mapped()();
    }
}

bool Clock::run_next(Nanoseconds limit) {
    const bool none = events_.empty();
    const Nanoseconds next = none ? limit : std::min(events_.begin()->first.first, limit);
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
