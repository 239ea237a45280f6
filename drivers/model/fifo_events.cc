#include "drivers/model/fifo_events.h"

#include <cerrno>

#include "drivers/model/machine.h"

namespace resume::model {
namespace {

constexpr event_word_t kPending = event_word_t{1} << EVTCHN_FIFO_PENDING;
constexpr event_word_t kMasked = event_word_t{1} << EVTCHN_FIFO_MASKED;
constexpr event_word_t kLinked = event_word_t{1} << EVTCHN_FIFO_LINKED;
constexpr uint32_t kQueue = EVTCHN_FIFO_PRIORITY_DEFAULT;
constexpr uint32_t kWordsPerPage = kPageSize / sizeof(event_word_t);
constexpr uint32_t kMostPages = EVTCHN_FIFO_NR_CHANNELS / kWordsPerPage;

evtchn_fifo_control_block& block_at(std::byte* place) {
    return *reinterpret_cast<evtchn_fifo_control_block*>(place);
}

}  // namespace

long FifoEvents::init_control(evtchn_init_control& a) {
    if (!machine_.host().fifo) {
        return -ENOSYS;
    }
    if (a.vcpu >= machine_.vcpus.count()) {
        return -ENOENT;
    }
    queues_.resize(machine_.vcpus.count());
    const bool fits = a.offset % alignof(uint64_t) == 0 &&
                      a.offset <= kPageSize - sizeof(evtchn_fifo_control_block);
    if (!fits || queues_[a.vcpu].block != nullptr || machine_.memory.is_hole(a.control_gfn)) {
        return -EINVAL;
    }
    a.link_bits = EVTCHN_FIFO_LINK_BITS;
    queues_[a.vcpu].block = machine_.memory.page(a.control_gfn) + a.offset;
    in_use_ = true;
    return 0;
}

long FifoEvents::expand(const evtchn_expand_array& a) {
    if (!in_use_ || machine_.memory.is_hole(a.array_gfn)) {
        return -EINVAL;
    }
    if (array_.size() == kMostPages) {
        return -ENOSPC;
    }
    array_.push_back(machine_.memory.page(a.array_gfn));
    for (const auto& [port, vcpu] : std::exchange(without_word_, {})) {
        set_pending(port, vcpu);
    }
    return 0;
}

void FifoEvents::forget() {
    in_use_ = false;
    queues_.clear();
    array_.clear();
    last_vcpu_.clear();
    without_word_.clear();
}

event_word_t* FifoEvents::word(Port port) const {
    const uint32_t page = port / kWordsPerPage;
    return page < array_.size()
               ? reinterpret_cast<event_word_t*>(array_[page]) + port % kWordsPerPage
               : nullptr;
}

bool FifoEvents::masked(Port port) const {
    const event_word_t* const of = word(port);
    return of == nullptr || (*of & kMasked) != 0;
}

// Where a port that is in another queue now was the tail of its old one, that one is empty, and
// nothing is to be linked behind it there.
void FifoEvents::leave_old_queue(Port port, uint32_t vcpu) {
    if (port >= last_vcpu_.size()) {
        last_vcpu_.resize(port + 1);
    }
    const uint32_t last = std::exchange(last_vcpu_[port], vcpu + 1);
    if (last != 0 && queues_[last - 1].tails[kQueue] == port) {
        queues_[last - 1].tails[kQueue] = 0;
    }
}

// Xen: evtchn_fifo_set_pending. A port behind the tail of its queue is linked to that one; where
// the guest has taken the tail off, it becomes the head, and the vCPU is told only when the queue
// was not ready before.
void FifoEvents::set_pending(Port port, uint32_t vcpu) {
    event_word_t* const of = word(port);
    Queues& queues = queues_[vcpu];
    if (of == nullptr || queues.block == nullptr) {
        without_word_.emplace(port, vcpu);
        return;
    }
    *of |= kPending;
    if ((*of & (kMasked | kLinked)) != 0) {
        return;
    }
    *of |= kLinked;
    leave_old_queue(port, vcpu);
    Port& tail = queues.tails[kQueue];
    event_word_t* const last = tail != 0 && tail != port ? word(tail) : nullptr;
    if (last != nullptr && (*last & kLinked) != 0) {
        *last = (*last & ~event_word_t{EVTCHN_FIFO_LINK_MASK}) | port;
        tail = port;
        return;
    }
    evtchn_fifo_control_block& block = block_at(queues.block);
    block.head[kQueue] = port;
    tail = port;
    const uint32_t bit = uint32_t{1} << kQueue;
    if ((block.ready & bit) == 0) {
        block.ready |= bit;
        machine_.vcpus.raise_upcall(vcpu);
    }
}

void FifoEvents::unmask(Port port, uint32_t vcpu) {
    event_word_t* const of = word(port);
    if (of == nullptr) {
        return;
    }
    *of &= ~kMasked;
    if ((*of & kPending) != 0) {
        set_pending(port, vcpu);
    }
}

void FifoEvents::clear_pending(Port port) {
    without_word_.erase(without_word_.lower_bound({port, 0}),
                        without_word_.upper_bound({port, ~0U}));
    if (event_word_t* const of = word(port); of != nullptr) {
        *of &= ~kPending;
    }
}

}  // namespace resume::model
