// Frames.
#include "drivers/netfront/netfront.h"

#include "drivers/net/announcement.h"
#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {

constexpr DriverOps Netfront::kOps = {
    .driver = "netfront",
    .suspend = thread_down<&Netfront::suspend>,
    .suspend_late = thread_down<&Netfront::suspend_late>,
    .resume_early = thread_up<&Netfront::resume_early>,
    .resume = thread_up<&Netfront::resume>,
};

Netfront::Netfront(Machine& machine, EventChannels& events, GrantTable& grants, Store& store,
                   const NetfrontConfig& config, Bugs bugs) noexcept
    : Frontend{kOps, config.name, machine, store, "vif", config.handle, bugs},
      config_{config},
      queues_{{machine, events, grants},
              {machine, events, grants},
              {machine, events, grants},
              {machine, events, grants}} {
    RESUME_ASSERT(config.memory != nullptr && config.queues > 0 && config.queues <= kMaxQueues);
}

Netfront::~Netfront() {
    for (NetQueue& queue : queues_) {
        queue.forget();
    }
}

void Netfront::start() noexcept {
    RESUME_ASSERT(registered() && stage_ == Stage::off);
    stage_ = Stage::looking;
    bus_.connect();
}

void Netfront::stop() noexcept {
    RESUME_ASSERT(!quiet_);
    detach();
    if (bugs_.has(Bug::remove_needs_queues)) {
        for (uint32_t i = 0; i < queue_count_; ++i) {
            emit(machine_, id(), EventKind::ring_used, i);
            RESUME_ASSERT(queues_[i].is_open());  // a resume may have ended them
        }
    }
    const bool has_rings = queues_[0].is_open();
    stage_ = Stage::off;
    if (has_rings) {
        (void)bus_.part(machine_);  // what it keeps of ours is counted as leaked
    }
    close_queues(true);
    bus_.stop();
}

Result<> Netfront::send(const char* frame, uint32_t size) noexcept {
    if (size < kFrameMin || size > kFrameMax) {
        return Errc::invalid;
    }
    if (stage_ == Stage::gone || stage_ == Stage::closed || stage_ == Stage::off) {
        return Errc::gone;
    }
    if (!attached_ || stage_ != Stage::connected) {
        return Errc::busy;
    }
    return put(frame, size) ? Result<>{} : Errc::no_space;
}

bool Netfront::put(const char* frame, uint32_t size) noexcept {
    for (uint32_t tries = 0; tries < queue_count_; ++tries) {
        const uint32_t index = next_queue_++ % queue_count_;
        emit(machine_, id(), EventKind::ring_used, index);
        if (queues_[index].put(frame, size)) {
            queues_[index].flush();
            return true;
        }
    }
    return false;
}

void Netfront::pump() noexcept {
    if (quiet_) {
        return;
    }
    if (attached_) {
        poll();
    }
    if (stage_ == Stage::closing && !bus_.busy()) {
        let_go();
    }
    if (stage_ == Stage::closed && released_) {
        close_queues(true);
    }
}

void Netfront::poll() noexcept {
    for (uint32_t i = 0; i < queue_count_; ++i) {
        take_sent(queues_[i]);
        take_frames(queues_[i]);
        queues_[i].flush();
    }
}

void Netfront::take_sent(NetQueue& queue) noexcept {
    bool good = false;
    while (queue.take_sent(good)) {
        emit(machine_, id(), EventKind::ring_used, static_cast<uint32_t>(&queue - queues_));
        ++(good ? counters_.sent : counters_.refused);
    }
}

void Netfront::take_frames(NetQueue& queue) noexcept {
    NetQueue::Frame frame;
    while (queue.take(frame)) {
        emit(machine_, id(), EventKind::ring_used, static_cast<uint32_t>(&queue - queues_));
        ++counters_.received;
        if (config_.user.received != nullptr) {
            config_.user.received(config_.user.self, frame.data, frame.size);
        }
    }
}

void Netfront::begin() noexcept {
    attach();
    announce();
}

/// Before any other frame on these rings, so that there is always room.
void Netfront::announce() noexcept {
    if (!moved_ || bugs_.has(Bug::not_announced)) {
        return;
    }
    moved_ = false;
    Announcement frame{mac_};
    counters_.announced += put(frame.data(), frame.size()) ? 1U : 0U;
}

uint64_t Netfront::malformed() const noexcept {
    uint64_t count = 0;
    for (const NetQueue& queue : queues_) {
        count += queue.malformed();
    }
    return count;
}

uint64_t Netfront::leaked_grants() const noexcept {
    uint64_t count = 0;
    for (const NetQueue& queue : queues_) {
        count += queue.leaked_grants();
    }
    return count;
}

}  // namespace v0
}  // namespace resume
