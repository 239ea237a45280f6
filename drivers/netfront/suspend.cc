// What a suspend does to an interface, and each way of coming back, beyond what every frontend
// does.
#include "drivers/netfront/netfront.h"
#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {

/// What is still under way is nobody's any more.
void Netfront::close_queues(bool same_domain) noexcept {
    for (NetQueue& queue : queues_) {
        counters_.lost += queue.under_way();
        same_domain ? queue.close() : queue.forget();
    }
}

void Netfront::leave_rings(bool same_domain) noexcept {
    close_queues(same_domain);
    if (bugs_.has(Bug::poll_on_cleared_ring)) {
        // What was to be polled before the suspend is polled now.
        emit(machine_, id(), EventKind::ring_used);
        poll();
    }
}

bool Netfront::reattach_rings() noexcept {
    bool good = true;
    for (NetQueue& queue : queues_) {
        good = good && (!queue.is_open() || queue.reattach().ok());
    }
    return good;
}

void Netfront::go_on() noexcept {
    if (stage_ == Stage::connected && !attached_) {
        begin();
        poll();
    }
}

}  // namespace v0
}  // namespace resume
