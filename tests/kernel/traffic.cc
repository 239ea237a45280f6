#include "tests/kernel/traffic.h"

#include "libresume/platform/xen.h"

#include <xen/io/xs_wire.h>

#include "tests/kernel/line.h"
#include "tests/kernel/machine_state.h"

namespace kernel {
namespace {

constexpr uint32_t kPauseMs = 50;
constexpr const char* kPaths[] = {"data/lab/traffic", "data/lab/traffic-2"};

}  // namespace

void Traffic::start(resume::Machine& machine, resume::Store& store) noexcept {
    machine_ = &machine;
    store_ = &store;
    for (uint32_t i = 0; i < kLanes; ++i) {
        lanes_[i].traffic = this;
        lanes_[i].path = kPaths[i];
    }
}

void Traffic::submit(Lane& lane) noexcept {
    lane.request.type = lane.reading ? XS_READ : XS_WRITE;
    lane.request.task = kTask;
    lane.request.head = lane.path;
    lane.request.head_size = static_cast<uint32_t>(__builtin_strlen(lane.path)) + 1;
    lane.request.tail = lane.value;
    lane.request.tail_size = 0;
    lane.request.reply = lane.reply;
    lane.request.reply_capacity = kValueSize;
    lane.request.completed = &Traffic::on_completed;
    lane.request.argument = &lane;
    if (!lane.reading) {
        const Line number = Line{}.decimal(1'000'000 + ++number_ % 1'000'000);
        __builtin_memset(lane.value, 0, kValueSize);
        __builtin_memcpy(lane.value, number.data(), number.size());
        lane.request.tail_size = number.size();
    }
    // The lane is tried again at the next run when the store does not take it now.
    (void)store_->submit(lane.request);
}

void Traffic::run() noexcept {
    if (store_ == nullptr || frozen_ || resume::raw_counter(*machine_) < next_) {
        return;
    }
    hurry();
    next_ = resume::raw_counter(*machine_) + resume::counter_hz(*machine_) / 1000 * kPauseMs;
}

void Traffic::hurry() noexcept {
    using State = resume::StoreRequest::State;
    for (uint32_t i = 0; store_ != nullptr && i < kLanes; ++i) {
        if (lanes_[i].request.state == State::idle || lanes_[i].request.state == State::done) {
            submit(lanes_[i]);
        }
    }
}

void Traffic::on_completed(void* lane, resume::StoreRequest&) noexcept {
    auto& mine = *static_cast<Lane*>(lane);
    mine.traffic->finished(mine);
}

void Traffic::finished(Lane& lane) noexcept {
    const bool good = lane.request.error.code == resume::Errc::none;
    if (!lane.reading) {
        lane.reading = good;
        if (good && !frozen_) {
            submit(lane);
        }
        return;
    }
    lane.reading = false;
    if (!good) {
        return;  // data/ is not carried to a new domain: what was written may be gone
    }
    ++round_trips_;
    uint32_t written = 0;
    while (written < kValueSize && lane.value[written] != '\0') {
        ++written;
    }
    if (lane.request.reply_size != written ||
        __builtin_memcmp(lane.reply, lane.value, written) != 0) {
        ++wrong_;
    }
}

void Traffic::freeze() noexcept {
    if (store_ != nullptr) {
        frozen_ = true;
        sight(*machine_, resume::EventKind::task_frozen, kTask, 0, store_->inside(kTask) ? 1 : 0);
    }
}

void Traffic::thaw() noexcept {
    if (store_ != nullptr) {
        frozen_ = false;
        sight(*machine_, resume::EventKind::task_thawed, kTask);
    }
}

}  // namespace kernel
