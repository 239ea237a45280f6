// What a suspend does to an interface, and each way of coming back.
#include "drivers/netfront/netfront.h"
#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {

/// What is still under way is nobody's any more.
void Netfront::close_queues(bool same_domain) noexcept {
    for (NetQueue& queue : queues_) {
        counters_.lost += queue.under_way();
        // What was granted in a domain that is gone is nobody's to end (L9).
        same_domain ? queue.close() : queue.forget();
    }
}

Progress Netfront::suspend(ThreadContext&) noexcept {
    if (!bugs_.has(Bug::send_while_resuming)) {
        quiet_ = true;
        detach();
    }
    return Progress::done();
}

Progress Netfront::suspend_late(ThreadContext&) noexcept {
    return Progress::done();
}

bool Netfront::is_new_domain(ThreadContext& context, Outcome outcome) const noexcept {
    if (outcome == Outcome::aborted) {
        return bugs_.has(Bug::abort_as_restore);
    }
    return outcome == Outcome::resumed && context.evidence() != DomainEvidence::same;
}

/// Before the store's client registers its watches again: ours is of a backend that is gone.
Progress Netfront::resume_early(ThreadContext& context, Outcome outcome) noexcept {
    if (is_new_domain(context, outcome)) {
        bus_.forget();
    }
    return Progress::done();
}

Progress Netfront::resume(ThreadContext& context, Outcome outcome) noexcept {
    quiet_ = false;
    if (stage_ == Stage::off) {
        return Progress::done();
    }
    if (is_new_domain(context, outcome)) {
        return reconnect(context, false);
    }
    if (outcome == Outcome::resumed) {
        for (NetQueue& queue : queues_) {
            if (queue.is_open() && !queue.reattach().ok()) {
                return reconnect(context, true);
            }
        }
    }
    return go_on();
}

/// The same domain: the rings are as we left them.
Progress Netfront::go_on() noexcept {
    if (stage_ == Stage::connected && !attached_) {
        attach();
        poll();
    }
    return Progress::done();
}

/// Another domain, or at least another backend: as at boot.
Progress Netfront::reconnect(ThreadContext& context, bool same_domain) noexcept {
    close_queues(same_domain);
    if (bugs_.has(Bug::poll_on_cleared_ring)) {
        // What was to be polled before the suspend is polled now.
        emit(machine_, id(), EventKind::ring_used);
        poll();
    }
    if (same_domain) {
        bus_.stop();  // the daemon still has our watch
    }
    stage_ = Stage::looking;
    completer_ = context.defer();
    bus_.connect();
    return Progress::pending();
}

void Netfront::connected_or_not(const Error& error) noexcept {
    if (completer_.armed()) {
        completer_.complete(error.code, error.detail);
    }
}

}  // namespace v0
}  // namespace resume
