#include "drivers/event_channels/fifo.h"

#include "drivers/support/xen_result.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr event_word_t kPending = event_word_t{1} << EVTCHN_FIFO_PENDING;
constexpr event_word_t kMasked = event_word_t{1} << EVTCHN_FIFO_MASKED;
constexpr event_word_t kLinked = event_word_t{1} << EVTCHN_FIFO_LINKED;
constexpr event_word_t kBusy = event_word_t{1} << EVTCHN_FIFO_BUSY;
constexpr event_word_t kLink = EVTCHN_FIFO_LINK_MASK;
constexpr uint32_t kQueues = EVTCHN_FIFO_MAX_QUEUES;
constexpr uint32_t kAllQueues = (uint32_t{1} << kQueues) - 1;

}  // namespace

FifoPorts::FifoPorts(Machine& machine, const FifoPages& pages) noexcept
    : machine_{machine}, pages_{pages} {}

evtchn_fifo_control_block& FifoPorts::block(uint32_t cpu) const noexcept {
    auto* page =
        static_cast<FifoBlock*>(frame_address(machine_, pages_.control + cpu / kFifoBlocksPerPage));
    return page[cpu % kFifoBlocksPerPage].block;
}

event_word_t& FifoPorts::word(Port port) const noexcept {
    auto* page =
        static_cast<event_word_t*>(frame_address(machine_, pages_.array + port / kWordsPerPage));
    return page[port % kWordsPerPage];
}

/// The boot CPU's block decides: a Xen that takes it has the ABI.
Result<> FifoPorts::take_up() noexcept {
    in_use_ = false;
    for (bool& registered : registered_) {
        registered = false;
    }
    if (pages_.array_pages == 0) {
        return Errc::unsupported;
    }
    if (const Result<> first = register_block(0); !first.ok()) {
        return {Errc::unsupported, first.error().detail};
    }
    in_use_ = true;
    Result<> done = expand_array();
    for (uint32_t cpu = 1; cpu < cpu_count(machine_); ++cpu) {
        const Result<> registered = register_block(cpu);
        done = done.ok() ? registered : done;
    }
    return done;
}

/// What stands in a block is of the domain before: heads of queues that Xen has forgotten.
Result<> FifoPorts::register_block(uint32_t cpu) noexcept {
    block(cpu) = {};
    evtchn_init_control init{};
    init.control_gfn = pages_.control + cpu / kFifoBlocksPerPage;
    init.offset = cpu % kFifoBlocksPerPage * static_cast<uint32_t>(sizeof(FifoBlock));
    init.vcpu = cpu;
    const Result<> done = xen_result(xen::event_channel_op(machine_, EVTCHNOP_init_control, init));
    registered_[cpu] = done.ok();
    return done;
}

Result<> FifoPorts::add_cpu(uint32_t cpu) noexcept {
    return !in_use_ || registered_[cpu] ? Result<>{} : register_block(cpu);
}

Result<> FifoPorts::expand_array() noexcept {
    for (pages_in_use_ = 0; pages_in_use_ < pages_.array_pages; ++pages_in_use_) {
        event_word_t* const words = &word(pages_in_use_ * kWordsPerPage);
        for (uint32_t i = 0; i < kWordsPerPage; ++i) {
            words[i] = kMasked;
        }
        evtchn_expand_array expand{.array_gfn = pages_.array + pages_in_use_};
        RESUME_TRY(xen_result(xen::event_channel_op(machine_, EVTCHNOP_expand_array, expand)));
    }
    return {};
}

void FifoPorts::mask(Port port) noexcept {
    __atomic_fetch_or(&word(port), kMasked, __ATOMIC_SEQ_CST);
}

void FifoPorts::mask_all() noexcept {
    for (Port first = 0; first < ports(); first += kWordsPerPage) {
        event_word_t* const words = &word(first);
        for (uint32_t i = 0; i < kWordsPerPage; ++i) {
            __atomic_fetch_or(&words[i], kMasked, __ATOMIC_SEQ_CST);
        }
    }
}

/// Xen holds a word for a moment while it links another one to it (BUSY).
bool FifoPorts::unmask(Port port) noexcept {
    event_word_t& of = word(port);
    event_word_t before = __atomic_load_n(&of, __ATOMIC_SEQ_CST) & ~kBusy;
    while (!__atomic_compare_exchange_n(&of, &before, before & ~kMasked, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
        before &= ~kBusy;
    }
    return (__atomic_load_n(&of, __ATOMIC_SEQ_CST) & kPending) != 0;
}

void FifoPorts::clear_pending(Port port) noexcept {
    __atomic_fetch_and(&word(port), ~kPending, __ATOMIC_SEQ_CST);
}

bool FifoPorts::pending(Port port) const noexcept {
    return (__atomic_load_n(&word(port), __ATOMIC_SEQ_CST) & kPending) != 0;
}

uint32_t FifoPorts::take_ready(uint32_t cpu) noexcept {
    return __atomic_exchange_n(&block(cpu).ready, 0, __ATOMIC_SEQ_CST) & kAllQueues;
}

/// The port that stood behind it in its queue; 0 when it was the last.
uint32_t FifoPorts::unlink(Port port) noexcept {
    event_word_t& of = word(port);
    event_word_t before = __atomic_load_n(&of, __ATOMIC_SEQ_CST);
    while (!__atomic_compare_exchange_n(&of, &before, before & ~(kLinked | kLink), false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
    return before & kLink;
}

/// A queue that was followed to its end is ready again only with a new head, so where we are in it
/// need not be kept between two calls.
void FifoPorts::handle(uint32_t cpu, Run run, void* self) noexcept {
    evtchn_fifo_control_block& control = block(cpu);
    uint32_t next[kQueues] = {};
    for (uint32_t ready = take_ready(cpu); ready != 0; ready |= take_ready(cpu)) {
        const auto queue = static_cast<uint32_t>(__builtin_ctz(ready));
        const Port port = next[queue] != 0
                              ? next[queue]
                              : __atomic_load_n(&control.head[queue], __ATOMIC_ACQUIRE);
        const bool there = port != 0 && port < ports();
        next[queue] = there ? unlink(port) : 0;
        if (next[queue] == 0) {
            ready &= ~(uint32_t{1} << queue);
        }
        if (run != nullptr && there &&
            (__atomic_load_n(&word(port), __ATOMIC_SEQ_CST) & (kPending | kMasked)) == kPending) {
            run(self, cpu, port);
        }
    }
}

}  // namespace v0
}  // namespace resume
