// What a suspend does to a disk, and each way of coming back.
#include "drivers/blkfront/blkfront.h"
#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {

void Blkfront::rewind_request(BlockRequest& request) noexcept {
    replayed_ += request.issued != 0 || request.parts != 0 ? 1 : 0;
    request.issued = request.parts = 0;
    request.failed = false;
}

/// Everything that was not completed waits again, whole and in its order.
void Blkfront::rewind(bool same_domain) noexcept {
    take_all_back(same_domain);
    for (BlockRequest& request : issued_) {
        rewind_request(request);
    }
    for (BlockRequest& request : waiting_) {
        rewind_request(request);
    }
    waiting_.splice(waiting_.begin(), issued_);
}

void Blkfront::take_all_back(bool same_domain) noexcept {
    BlockPart part;
    for (BlockQueue& queue : queues_) {
        const bool forgotten = bugs_.has(Bug::first_queue_only) && &queue != queues_;
        while (queue.take_back(part, same_domain)) {
            BlockRequest& request = *part.request;
            const bool split = request.sectors > part.sectors && request.parts > 1;
            if (bugs_.has(Bug::split_completed_twice) && split) {
                // This half is ended by itself, and the whole is sent again.
                emit(machine_, id(), EventKind::io_completed, 0, request.serial);
                request.completed(request.argument, request, Errc::none);
                request.parts = 1;
            }
            if (forgotten && request.issued == request.sectors && request.hook.is_linked()) {
                issued_.erase(issued_.iterator_to(request));
            }
        }
    }
}

void Blkfront::close_queues() noexcept {
    for (BlockQueue& queue : queues_) {
        queue.close();
    }
}

Progress Blkfront::suspend(ThreadContext&) noexcept {
    quiet_ = true;
    detach();
    return Progress::done();
}

Progress Blkfront::suspend_late(ThreadContext&) noexcept {
    return Progress::done();
}

bool Blkfront::is_new_domain(ThreadContext& context, Outcome outcome) const noexcept {
    if (outcome == Outcome::aborted) {
        return bugs_.has(Bug::abort_as_restore);
    }
    return outcome == Outcome::resumed && context.evidence() != DomainEvidence::same;
}

/// Before the store's client registers its watches again: ours is of a backend that is gone.
Progress Blkfront::resume_early(ThreadContext& context, Outcome outcome) noexcept {
    if (is_new_domain(context, outcome)) {
        bus_.forget();
    }
    return Progress::done();
}

Progress Blkfront::resume(ThreadContext& context, Outcome outcome) noexcept {
    quiet_ = false;
    if (stage_ == Stage::off) {
        return Progress::done();
    }
    if (is_new_domain(context, outcome)) {
        return reconnect(context, false);
    }
    if (outcome == Outcome::resumed) {
        for (BlockQueue& queue : queues_) {
            if (queue.is_open() && !queue.reattach().ok()) {
                return reconnect(context, true);
            }
        }
    }
    return go_on();
}

/// The same domain: the rings are as we left them.
Progress Blkfront::go_on() noexcept {
    if (stage_ == Stage::connected) {
        attach();
        for (BlockQueue& queue : queues_) {
            take_answers(queue);
        }
        push();
    }
    return Progress::done();
}

/// Another domain, or at least another backend: as at boot, and then what was not completed.
Progress Blkfront::reconnect(ThreadContext& context, bool same_domain) noexcept {
    rewind(same_domain);
    for (BlockQueue& queue : queues_) {
        // What was granted in a domain that is gone is nobody's to end (L9).
        same_domain ? queue.close() : queue.forget();
    }
    if (same_domain) {
        bus_.stop();  // the daemon still has our watch
    }
    stage_ = Stage::looking;
    completer_ = context.defer();
    bus_.connect();
    return Progress::pending();
}

void Blkfront::connected_or_not(const Error& error) noexcept {
    if (completer_.armed()) {
        completer_.complete(error.code, error.detail);
    }
}

}  // namespace v0
}  // namespace resume
