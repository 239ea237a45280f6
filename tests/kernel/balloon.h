// The guest's balloon, with a pool whose pages are all in use and verified.
#pragma once

#include "drivers/balloon/balloon.h"
#include "drivers/xen_guest/xen_guest.h"
#include "tests/kernel/command_line.h"
#include "tests/workload/pool_load.h"

namespace kernel {

class Balloon {
  public:
    static constexpr uint32_t kMaxPages = 64;

    /// `words.balloon` pages; 0 = there is no balloon, and nothing below does anything.
    Balloon(resume::Machine& machine, resume::XenGuest& guest, const CommandLine& words) noexcept;

    /// After the drivers and the ordinary devices: it goes down before them.
    resume::Result<> add() noexcept;
    [[nodiscard]] const resume::Device& device() const noexcept { return balloon_; }

    // Thread context, CPU 0.
    void start() noexcept;
    /// Whenever the guest idles.
    void run() noexcept;
    /// Waits until as many pages are out as the host wants and says how it stands: a BALLOON line.
    void report() noexcept;

  private:
    resume::Machine& machine_;
    resume::XenGuest& guest_;
    uint32_t pages_;
    resume::PoolLoad load_;
    resume::Balloon balloon_;
};

}  // namespace kernel
