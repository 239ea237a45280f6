// What a suspend does to a disk, and each way of coming back.
#include "drivers/blkfront/blkfront.h"
#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {

/// Everything that was not completed waits again.
void Blkfront::rewind(bool same_domain) noexcept {
    take_all_back(same_domain);
    ledger_.rewind();
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
            if (forgotten) {
                ledger_.forget(request);
            }
        }
    }
}

void Blkfront::close_queues() noexcept {
    for (BlockQueue& queue : queues_) {
        queue.close();
    }
}

void Blkfront::leave_rings(bool same_domain) noexcept {
    rewind(same_domain);
    for (BlockQueue& queue : queues_) {
        same_domain ? queue.close() : queue.forget();
    }
}

bool Blkfront::reattach_rings() noexcept {
    bool good = true;
    for (BlockQueue& queue : queues_) {
        good = good && (!queue.is_open() || queue.reattach().ok());
    }
    return good;
}

void Blkfront::go_on() noexcept {
    if (stage_ == Stage::connected) {
        attach();
        for (BlockQueue& queue : queues_) {
            take_answers(queue);
        }
        push();
    }
}

}  // namespace v0
}  // namespace resume
