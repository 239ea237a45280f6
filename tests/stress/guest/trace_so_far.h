// What a modelled guest has lived through by now: a part is collected, the rest is in its machine's
// ring. Looking at it moves nothing.
#pragma once

#include "libresume/oracle/trace_view.h"
#include "libresume/trace.h"

namespace resume::stress {

class TraceSoFar {
  public:
    /// Both outlive it.
    TraceSoFar(const oracle::TraceView& collected, const Trace& ring) noexcept
        : collected_{&collected}, ring_{&ring} {}

    [[nodiscard]] size_t size() const { return collected_->events.size() + ring_->size(); }
    /// Those from number `first` on.
    template <class See>
    void each_from(size_t first, See&& see) const {
        for (; first < collected_->events.size(); ++first) {
            see(collected_->events[first]);
        }
        for (first -= collected_->events.size(); first < ring_->size(); ++first) {
            see(ring_->at(static_cast<uint32_t>(first)));
        }
    }

  private:
    const oracle::TraceView* collected_;
    const Trace* ring_;
};

}  // namespace resume::stress
