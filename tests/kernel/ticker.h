// The PV timer kept ticking on every vCPU, and the monotonic clock watched at each tick.
#pragma once

#include <atomic>

#include "drivers/xen_guest/xen_guest.h"
#include "tests/kernel/layout.h"

namespace kernel {

class Ticker {
  public:
    /// `on_tick` runs in the interrupt of CPU 0.
    void start(resume::Machine& machine, resume::XenGuest& guest, uint32_t tick_ms,
               void (*on_tick)() noexcept) noexcept;
    /// Thread context: one more look at the clock, whether it ticks or not.
    void look() noexcept { look_from(0); }

    [[nodiscard]] uint64_t ticks() const noexcept { return ticks_.load(); }
    [[nodiscard]] uint64_t longest_gap_ms() const noexcept { return gap_.load() / 1'000'000; }
    /// By how much the clock was last seen to go back, once; 0 = never since the last call.
    uint64_t take_step_back() noexcept { return step_back_.exchange(0); }

  private:
    static void on_timer(void* self, uint32_t cpu) noexcept;
    static void start_here(resume::Machine& machine, uint32_t cpu, void* self) noexcept;
    uint64_t look_from(uint32_t cpu) noexcept;

    resume::XenGuest* guest_ = nullptr;
    void (*on_tick_)() noexcept = nullptr;
    uint64_t period_ns_ = 0;
    std::atomic<uint64_t> ticks_{0};
    std::atomic<uint64_t> gap_{0};
    std::atomic<uint64_t> step_back_{0};
    uint64_t last_seen_[KERNEL_MAX_CPUS] = {};
    uint64_t last_tick_ = 0;  ///< of CPU 0
};

}  // namespace kernel
