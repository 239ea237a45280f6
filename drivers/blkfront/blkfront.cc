// A request's life.
#include "drivers/blkfront/blkfront.h"

#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {

constexpr DriverOps Blkfront::kOps = {
    .driver = "blkfront",
    .suspend = thread_down<&Blkfront::suspend>,
    .suspend_late = thread_down<&Blkfront::suspend_late>,
    .resume_early = thread_up<&Blkfront::resume_early>,
    .resume = thread_up<&Blkfront::resume>,
};

Blkfront::Blkfront(Machine& machine, EventChannels& events, GrantTable& grants, Store& store,
                   const BlkfrontConfig& config, Bugs bugs) noexcept
    : Frontend{kOps, config.name, machine, store, "vbd", config.handle, bugs},
      config_{config},
      queues_{{machine, events, grants},
              {machine, events, grants},
              {machine, events, grants},
              {machine, events, grants}},
      ledger_{machine, *this} {
    RESUME_ASSERT(config.memory != nullptr && config.queues > 0 && config.queues <= kMaxQueues);
}

Blkfront::~Blkfront() {
    RESUME_ASSERT(idle());
    for (BlockQueue& queue : queues_) {
        queue.forget();
    }
}

void Blkfront::start() noexcept {
    RESUME_ASSERT(registered() && stage_ == Stage::off);
    stage_ = Stage::looking;
    bus_.connect();
}

void Blkfront::stop() noexcept {
    RESUME_ASSERT(!quiet_);
    detach();
    const bool has_rings = queues_[0].is_open();
    stage_ = Stage::off;
    if (has_rings) {
        (void)bus_.part(machine_);  // what it keeps of ours is counted as leaked
    }
    rewind(true);
    close_queues();
    bus_.stop();
    ledger_.fail_all(Errc::gone);
}

Result<> Blkfront::submit(BlockRequest& request) noexcept {
    RESUME_TRY(BlockLedger::check(request));
    if (stage_ == Stage::gone || (stage_ == Stage::closed && !again_) || stage_ == Stage::off) {
        return Errc::gone;
    }
    ledger_.accept(request);
    push();
    return {};
}

void Blkfront::pump() noexcept {
    if (quiet_) {
        return;
    }
    if (attached_) {
        for (BlockQueue& queue : queues_) {
            take_answers(queue);
        }
        push();
    }
    if (stage_ == Stage::closing && (under_way() == 0 || released_) && !bus_.busy()) {
        let_go();
    }
    if (stage_ == Stage::closed) {
        if (!again_) {
            ledger_.fail_all(Errc::gone);
        }
        if (released_) {
            close_queues();
        }
    }
}

uint32_t Blkfront::under_way() const noexcept {
    uint32_t count = 0;
    for (const BlockQueue& queue : queues_) {
        count += queue.under_way();
    }
    return count;
}

uint64_t Blkfront::malformed() const noexcept {
    uint64_t count = 0;
    for (const BlockQueue& queue : queues_) {
        count += queue.malformed();
    }
    return count;
}

uint64_t Blkfront::leaked_grants() const noexcept {
    uint64_t count = 0;
    for (const BlockQueue& queue : queues_) {
        count += queue.leaked_grants();
    }
    return count;
}

void Blkfront::take_answers(BlockQueue& queue) noexcept {
    BlockQueue::Answer answer;
    while (queue.take(answer)) {
        emit(machine_, id(), EventKind::ring_used, static_cast<uint32_t>(&queue - queues_));
        ledger_.finish_part(answer.part, answer.good);
    }
}

/// In the order of acceptance; what does not fit waits for answers.
void Blkfront::push() noexcept {
    if (!attached_ || stage_ != Stage::connected) {
        return;
    }
    bool moved = false;
    while (!ledger_.none_waits() && push_one(ledger_.front())) {
        moved = true;
    }
    if (moved) {
        for (uint32_t i = 0; i < info_.queues; ++i) {
            queues_[i].flush();
        }
    }
    if (!ledger_.none_waits() && under_way() == 0 && stage_ == Stage::connected) {
        // No answer will ever make room: other users have every grant.
        ledger_.finish_front(Errc::no_space);
    }
}

/// One part of it; true when it went to a ring or needs none.
bool Blkfront::push_one(BlockRequest& request) noexcept {
    BlockPart part{.request = &request};
    if (request.operation == BlockRequest::Operation::flush) {
        if (!info_.flush) {
            // Nothing there holds back what it has said to be written.
            ledger_.finish_front(Errc::none);
            return true;
        }
        part.operation = BLKIF_OP_FLUSH_DISKCACHE;
    } else {
        const bool reads = request.operation == BlockRequest::Operation::read;
        part.operation = reads ? BLKIF_OP_READ : BLKIF_OP_WRITE;
        part.sector = request.sector + request.issued;
        part.data = request.data + static_cast<size_t>(request.issued) * kSectorSize;
        part.sectors = sectors_within(part.data, request.sectors - request.issued, info_.segments);
    }
    for (uint32_t tries = 0; tries < info_.queues; ++tries) {
        const uint32_t index = next_queue_++ % info_.queues;
        if (!queues_[index].put(part, info_.segments, info_.persistent)) {
            continue;
        }
        emit(machine_, id(), EventKind::ring_used, index, request.serial);
        ledger_.issued_part(part.sectors);
        return true;
    }
    return false;
}

}  // namespace v0
}  // namespace resume
