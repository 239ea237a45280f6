// The poison ledger: which memory must not be read, and who knows. A page that the host lost to a
// memory error is unreadable (SIGBUS, machine check). Where the guest's kernel knows of it, it has
// given the page up and a copy may be zeros; where it does not, zeros would be silent corruption,
// and whoever saves the memory has to refuse (after the QEMU series on poisoned pages).
#pragma once

#include <stdint.h>

#include "libresume/result.h"

namespace resume {
inline namespace v0 {

/// A range that is lost: guest-physical bytes, a page of its owner's page size.
struct PoisonedRange {
    uint64_t address = 0;
    uint64_t length = 0;
    bool guest = false;  ///< the guest's kernel said so (else: the host)
};

/// What may be done with memory.
enum class PageAccess : uint8_t {
    read,
    skip_as_zero,  ///< never read; travels as zeros
    refuse,        ///< never read, and zeros would corrupt: the guest does not know
};

struct PageDecision {
    PageAccess access = PageAccess::read;
    uint64_t address = 0;  ///< refuse: the first lost address that the guest does not know
};

/// Bounded by its storage, which belongs to the caller and outlives it; no heap, no locking: one
/// writer, and readers only while nobody writes. A ledger that overflowed knows that it is
/// incomplete, and refuses everything rather than guess.
class PoisonLedger {
  public:
    PoisonLedger(PoisonedRange* storage, uint32_t capacity) noexcept
        : storage_{storage}, capacity_{capacity} {}

    /// The page of `page_size` bytes around `address` is lost; only the host knows so far.
    /// invalid: page_size is no power of two of at least 4096, or the page would end beyond 2^64.
    /// no_space: from now on incomplete().
    Result<> host_lost(uint64_t address, uint64_t page_size) noexcept;

    /// The guest's kernel knows (kpageflags, ras:memory_failure_event, its own handler). Of a large
    /// page, it may know a part only: the rest stays unknown. Errors as above.
    Result<> guest_knows(uint64_t address, uint64_t page_size) noexcept;

    /// What to do with [address, address + length): length > 0.
    [[nodiscard]] PageDecision decide(uint64_t address, uint64_t length) const noexcept;

    /// The first address that the host lost and the guest does not know; refuse or read.
    [[nodiscard]] PageDecision first_unknown() const noexcept;

    /// A reboot gives lost pages back to the host, and the guest's knowledge is gone too.
    void clear() noexcept {
        count_ = 0;
        incomplete_ = false;
    }

    [[nodiscard]] uint32_t size() const noexcept { return count_; }
    [[nodiscard]] const PoisonedRange& at(uint32_t index) const noexcept;
    [[nodiscard]] bool incomplete() const noexcept { return incomplete_; }

  private:
    Result<> add(uint64_t address, uint64_t page_size, bool guest) noexcept;
    [[nodiscard]] uint64_t first_unknown_in(const PoisonedRange& lost) const noexcept;

    PoisonedRange* storage_;
    uint32_t capacity_;
    uint32_t count_ = 0;
    bool incomplete_ = false;
};

}  // namespace v0
}  // namespace resume
