// The requests of one disk, whatever ring they go to: each that was taken completes exactly once,
// over any number of suspends (L15). Replay, not drain: what was not completed when a ring went is
// sent again, whole and in the order of its acceptance (drivers/blkfront says why).
//
// Everything runs on CPU 0 in thread context.
#pragma once

#include "drivers/block/part.h"
#include "libresume/device.h"
#include "libresume/platform/machine.h"

namespace resume {
inline namespace v0 {

class BlockLedger {
  public:
    /// `disk`, whose requests they are, outlives it.
    BlockLedger(Machine& machine, const Device& disk) noexcept : machine_{machine}, disk_{disk} {}
    BlockLedger(const BlockLedger&) = delete;
    BlockLedger& operator=(const BlockLedger&) = delete;

    /// What is not aligned, or empty, is none: invalid.
    static Result<> check(const BlockRequest& request) noexcept;
    void accept(BlockRequest& request) noexcept;

    /// The first one that waits; not when there is none.
    [[nodiscard]] BlockRequest& front() noexcept { return waiting_.front(); }
    [[nodiscard]] bool none_waits() const noexcept { return waiting_.empty(); }
    [[nodiscard]] bool idle() const noexcept { return waiting_.empty() && issued_.empty(); }
    /// The first one that waits is ended without having been sent.
    void finish_front(Errc result) noexcept;
    /// A part of the first one that waits is on a ring: so many sectors of it.
    void issued_part(uint32_t sectors) noexcept;
    /// A part of it has been answered; with the last one it is ended.
    void finish_part(const BlockPart& part, bool good) noexcept;
    /// Everything that was not completed waits again, whole and in its order. Nothing is on a ring.
    void rewind() noexcept;
    void fail_all(Errc why) noexcept;
    /// Requests that were sent again.
    [[nodiscard]] uint64_t replayed() const noexcept { return replayed_; }

    /// For switches of bugs: a request that was sent wholly is forgotten.
    void forget(BlockRequest& request) noexcept;

  private:
    void finish(BlockRequest& request, Errc result) noexcept;
    void rewind_request(BlockRequest& request) noexcept;

    Machine& machine_;
    const Device& disk_;
    uint64_t next_serial_ = 1;
    uint64_t replayed_ = 0;
    BlockRequests waiting_;  ///< not, or not wholly, on a ring
    BlockRequests issued_;
};

}  // namespace v0
}  // namespace resume
