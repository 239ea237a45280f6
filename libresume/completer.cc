#include "libresume/completer.h"

#include "libresume/device.h"

namespace resume {
inline namespace v0 {

using Slot = CompletionSlot;

Completer::Completer(Completer&& other) noexcept
    : device_{other.device_}, generation_{other.generation_}, used_{other.used_} {
    other.device_ = nullptr;
}

Completer& Completer::operator=(Completer&& other) noexcept {
    if (this != &other) {
        drop();
        device_ = other.device_;
        generation_ = other.generation_;
        used_ = other.used_;
        other.device_ = nullptr;
    }
    return *this;
}

Completer::~Completer() {
    drop();
}

// A hook that forgot its completer must not hang until its deadline. One whose deadline already
// passed is forgotten in peace: its hook has failed, and nobody completes it any more.
void Completer::drop() noexcept {
    if (!armed()) {
        return;
    }
    const uint64_t word = device_->completion_.word.load(std::memory_order_relaxed);
    if (word == Slot::pack(generation_, Slot::State::armed)) {
        complete(Errc::invalid);
    }
    device_ = nullptr;
}

void Completer::complete(Errc code, int32_t detail) noexcept {
    RESUME_ASSERT(device_ != nullptr);
    used_ = true;
    CompletionQueue* queue = device_->queue_;
    if (queue == nullptr) {
        return;  // its device has left the tree: nobody to tell
    }
    uint64_t expected = Slot::pack(generation_, Slot::State::armed);
    if (!device_->completion_.word.compare_exchange_strong(
            expected, Slot::pack(generation_, Slot::State::completed), std::memory_order_acq_rel)) {
        queue->count_stray(*device_);
        return;
    }
    device_->completion_.error = Error{.code = code, .detail = detail};
    queue->push(*device_);
}

namespace {

// Oldest first, so that completions are handled in the order in which they came.
template <Device* CompletionSlot::*Next, class SlotOf>
Device* reversed(Device* newest, SlotOf slot_of) noexcept {
    Device* oldest = nullptr;
    while (newest != nullptr) {
        Device* next = slot_of(*newest).*Next;
        slot_of(*newest).*Next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

}  // namespace

void CompletionQueue::push(Device& device) noexcept {
    Device* head = completed_.load(std::memory_order_relaxed);
    do {
        device.completion_.next_completed = head;
    } while (!completed_.compare_exchange_weak(head, &device, std::memory_order_release,
                                               std::memory_order_relaxed));
}

// A device is pushed by whoever raises its count from 0: it is on the stack at most once, however
// many strays a broken backend sends.
void CompletionQueue::count_stray(Device& device) noexcept {
    strays_.fetch_add(1, std::memory_order_relaxed);
    if (device.completion_.strays.fetch_add(1, std::memory_order_acq_rel) != 0) {
        return;
    }
    Device* head = stray_.load(std::memory_order_relaxed);
    do {
        device.completion_.next_stray = head;
    } while (!stray_.compare_exchange_weak(head, &device, std::memory_order_release,
                                           std::memory_order_relaxed));
}

Device* CompletionQueue::take_completed() noexcept {
    return reversed<&CompletionSlot::next_completed>(
        completed_.exchange(nullptr, std::memory_order_acquire),
        [](Device& device) noexcept -> CompletionSlot& { return device.completion_; });
}

Device* CompletionQueue::take_strays() noexcept {
    return reversed<&CompletionSlot::next_stray>(
        stray_.exchange(nullptr, std::memory_order_acquire),
        [](Device& device) noexcept -> CompletionSlot& { return device.completion_; });
}

uint32_t CompletionQueue::arm(Device& device) noexcept {
    const uint64_t word = device.completion_.word.load(std::memory_order_relaxed);
    RESUME_ASSERT((word & 0xff) != static_cast<uint8_t>(Slot::State::armed));
    RESUME_ASSERT(!is_completed(device));
    const auto generation = static_cast<uint32_t>(word >> 8) + 1;
    device.completion_.word.store(Slot::pack(generation, Slot::State::armed),
                                  std::memory_order_release);
    return generation;
}

bool CompletionQueue::expire(Device& device) noexcept {
    uint64_t word = device.completion_.word.load(std::memory_order_relaxed);
    const auto generation = static_cast<uint32_t>(word >> 8);
    uint64_t expected = Slot::pack(generation, Slot::State::armed);
    return device.completion_.word.compare_exchange_strong(
        expected, Slot::pack(generation, Slot::State::expired), std::memory_order_acq_rel);
}

bool CompletionQueue::is_completed(const Device& device) noexcept {
    const uint64_t word = device.completion_.word.load(std::memory_order_acquire);
    return (word & 0xff) == static_cast<uint8_t>(Slot::State::completed);
}

void CompletionQueue::release(Device& device) noexcept {
    RESUME_ASSERT(is_completed(device));
    const uint64_t word = device.completion_.word.load(std::memory_order_relaxed);
    device.completion_.word.store(Slot::pack(static_cast<uint32_t>(word >> 8), Slot::State::idle),
                                  std::memory_order_release);
}

}  // namespace v0
}  // namespace resume
