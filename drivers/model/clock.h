// Virtual time: a queue of events, and a clock that jumps to the next one while the guest idles.
// With an idle function the clock is the real one instead, and idling really waits.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "drivers/model/config.h"

namespace resume::model {

class Clock {
  public:
    using Event = std::function<void()>;
    /// Names an event for cancel(); 0 is none.
    using EventId = uint64_t;
    /// Waits in real time, at most so many ns; returns early when something came.
    using Idle = std::function<void(Nanoseconds)>;

    /// ns since the start of the simulation.
    [[nodiscard]] Nanoseconds now() const { return idle_ ? real() : now_; }

    EventId at(Nanoseconds when, Event event);
    EventId after(Nanoseconds delay, Event event) { return at(now() + delay, std::move(event)); }
    /// An event that has run, or 0, is ignored.
    void cancel(EventId id);

    /// Time that the guest's own work takes. Nothing in virtual time is run by it.
    void spend(Nanoseconds duration) {
        if (!idle_) {
            now_ += duration;
        }
    }
    /// Runs all events that are due.
    void run_due();
    /// Goes to the next event not after `limit` and runs what is due there, else to `limit`. False
    /// when there is no event and `limit` is kNever: nothing will ever happen (virtual time only).
    bool run_next(Nanoseconds limit);

    /// From now on real time: `idle` is called instead of jumping.
    void make_real(Idle idle);
    [[nodiscard]] std::size_t pending() const noexcept { return events_.size(); }

  private:
    struct Entry {
        Nanoseconds when;
        EventId id;
        Event event;
        /// The heap's order: the earliest on top, and of those at one time the first that was set.
        friend bool operator<(const Entry& left, const Entry& right) {
            return left.when != right.when ? left.when > right.when : left.id > right.id;
        }
    };

    [[nodiscard]] Nanoseconds real() const;

    mutable Nanoseconds now_ = 0;
    Nanoseconds real_start_ = 0;
    EventId last_ = 0;
    std::vector<Entry> events_;  ///< a heap
    Idle idle_;
};

}  // namespace resume::model
