#include "libresume/poison.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint64_t kSmallestPage = 4096;

// Last bytes instead of ends: a range may touch the top of the address space.
uint64_t last_of(const PoisonedRange& range) noexcept {
    return range.address + (range.length - 1);
}

bool contains(const PoisonedRange& range, uint64_t address) noexcept {
    return address >= range.address && address <= last_of(range);
}

bool overlap(const PoisonedRange& range, uint64_t address, uint64_t last) noexcept {
    return range.address <= last && address <= last_of(range);
}

}  // namespace

Result<> PoisonLedger::add(uint64_t address, uint64_t page_size, bool guest) noexcept {
    if (page_size < kSmallestPage || (page_size & (page_size - 1)) != 0) {
        return Errc::invalid;
    }
    const PoisonedRange range{address & ~(page_size - 1), page_size, guest};
    for (uint32_t i = 0; i < count_; ++i) {
        const PoisonedRange& known = storage_[i];
        if (known.guest == guest && contains(known, range.address) &&
            contains(known, last_of(range))) {
            return {};
        }
    }
    if (count_ == capacity_) {
        incomplete_ = true;
        return Errc::no_space;
    }
    storage_[count_++] = range;
    return {};
}

Result<> PoisonLedger::host_lost(uint64_t address, uint64_t page_size) noexcept {
    return add(address, page_size, false);
}

Result<> PoisonLedger::guest_knows(uint64_t address, uint64_t page_size) noexcept {
    return add(address, page_size, true);
}

const PoisonedRange& PoisonLedger::at(uint32_t index) const noexcept {
    RESUME_ASSERT(index < count_);
    return storage_[index];
}

// Pages are aligned powers of two, so two of them nest or are apart; walking from one known page to
// the next finds the first gap. Each round moves on by a recorded page: at most count_ rounds.
// Returns the address behind the range (its last + 1, 0 at the top) when all of it is known.
uint64_t PoisonLedger::first_unknown_in(const PoisonedRange& lost) const noexcept {
    uint64_t address = lost.address;
    for (uint32_t round = 0; round <= count_; ++round) {
        const PoisonedRange* best = nullptr;
        for (uint32_t i = 0; i < count_; ++i) {
            const PoisonedRange& range = storage_[i];
            if (range.guest && contains(range, address) &&
                (best == nullptr || range.length > best->length)) {
                best = &range;
            }
        }
        if (best == nullptr) {
            return address;
        }
        if (last_of(*best) >= last_of(lost)) {
            return last_of(lost) + 1;
        }
        address = last_of(*best) + 1;
    }
    return address;
}

PageDecision PoisonLedger::decide(uint64_t address, uint64_t length) const noexcept {
    RESUME_ASSERT(length > 0 && address + (length - 1) >= address);
    if (incomplete_) {
        return {PageAccess::refuse, address};
    }
    const uint64_t last = address + (length - 1);
    PageDecision decision;
    for (uint32_t i = 0; i < count_; ++i) {
        const PoisonedRange& range = storage_[i];
        if (!overlap(range, address, last)) {
            continue;
        }
        if (!range.guest) {
            const uint64_t unknown = first_unknown_in(range);
            if (unknown != last_of(range) + 1) {
                return {PageAccess::refuse, unknown};
            }
        }
        decision = {PageAccess::skip_as_zero, 0};
    }
    return decision;
}

PageDecision PoisonLedger::first_unknown() const noexcept {
    if (incomplete_) {
        return {PageAccess::refuse, 0};
    }
    for (uint32_t i = 0; i < count_; ++i) {
        if (storage_[i].guest) {
            continue;
        }
        const uint64_t unknown = first_unknown_in(storage_[i]);
        if (unknown != last_of(storage_[i]) + 1) {
            return {PageAccess::refuse, unknown};
        }
    }
    return {};
}

}  // namespace v0
}  // namespace resume
