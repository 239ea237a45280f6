// Event channels in the FIFO ABI: a word for each port in an array of pages, and for each vCPU a
// control block with the heads of its queues. Nothing of it survives in a fresh domain, which
// begins in the 2-level ABI: blocks and pages are registered again, and where the new host has no
// such ABI, or not for us, the 2-level one is used there.
#pragma once

#include "drivers/support/limits.h"
#include "libresume/platform/xen.h"

namespace resume {
inline namespace v0 {

/// Memory of the guest's own for the FIFO ABI; none: the 2-level ABI only.
struct FifoPages {
    Gfn control = 0;  ///< cpu_count / kFifoBlocksPerPage pages, rounded up
    Gfn array = 0;    ///< `array_pages` pages, for 1,024 ports each
    uint32_t array_pages = 0;
};

/// Two vCPUs never share a cache line of theirs.
struct alignas(128) FifoBlock {
    evtchn_fifo_control_block block;
};
inline constexpr uint32_t kFifoBlocksPerPage = kPageSize / sizeof(FifoBlock);

class FifoPorts {
  public:
    FifoPorts(Machine& machine, const FifoPages& pages) noexcept;

    /// Boot, or after a resume in a fresh domain; CPU 0. Every port is masked then. unsupported
    /// when this host has no FIFO ABI; any other error when it is in use and not all of it could be
    /// registered.
    Result<> take_up() noexcept;
    /// A vCPU that will be brought up: its block, unless Xen has it already.
    Result<> add_cpu(uint32_t cpu) noexcept;
    [[nodiscard]] bool in_use() const noexcept { return in_use_; }
    /// Ports below this have a word.
    [[nodiscard]] Port ports() const noexcept { return pages_in_use_ * kWordsPerPage; }

    // Any context, any CPU; ports below ports().
    void mask(Port port) noexcept;
    void mask_all() noexcept;
    /// True when an event came behind the mask: Xen has to be asked to deliver it.
    [[nodiscard]] bool unmask(Port port) noexcept;
    void clear_pending(Port port) noexcept;
    [[nodiscard]] bool pending(Port port) const noexcept;

    /// Of this CPU, interrupts off: `run` for each event in its queues, urgent ones first.
    using Run = void (*)(void* self, uint32_t cpu, Port port) noexcept;
    void handle(uint32_t cpu, Run run, void* self) noexcept;
    /// Of this CPU or one that is parked or stopped: empties its queues. What was in them stays
    /// pending, and Xen puts it in again when it is asked to unmask it.
    void drop(uint32_t cpu) noexcept { handle(cpu, nullptr, nullptr); }

  private:
    Result<> register_block(uint32_t cpu) noexcept;
    Result<> expand_array() noexcept;
    [[nodiscard]] evtchn_fifo_control_block& block(uint32_t cpu) const noexcept;
    [[nodiscard]] event_word_t& word(Port port) const noexcept;
    uint32_t unlink(Port port) noexcept;
    [[nodiscard]] uint32_t take_ready(uint32_t cpu) noexcept;

    static constexpr uint32_t kWordsPerPage = kPageSize / sizeof(event_word_t);
    Machine& machine_;
    FifoPages pages_;
    bool in_use_ = false;
    uint32_t pages_in_use_ = 0;
    bool registered_[kMaxVcpus] = {};
};

}  // namespace v0
}  // namespace resume
