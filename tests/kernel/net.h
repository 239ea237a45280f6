// The guest's network interface under load: netfront with numbered frames that a peer in the host
// sends back.
#pragma once

#include "drivers/netfront/netfront.h"
#include "drivers/xen_guest/xen_guest.h"
#include "tests/kernel/command_line.h"
#include "tests/workload/frame_load.h"

namespace kernel {

class Net {
  public:
    /// Without `words.net` there is no interface, and nothing below does anything.
    Net(resume::Machine& machine, resume::XenGuest& guest, const CommandLine& words) noexcept;

    /// After the drivers and the ordinary devices: it goes down before them.
    resume::Result<> add() noexcept;
    [[nodiscard]] const resume::Device& device() const noexcept { return front_; }

    // Thread context, CPU 0.
    /// Connects and begins the load; timed_out when no backend comes in 30 s.
    resume::Result<> start() noexcept;
    /// Whenever the guest idles: takes frames, and sends more when the time has come.
    void run() noexcept;
    /// A frame of every lane that waits for none, so that some are under way.
    void hurry() noexcept;
    /// Waits until no frame can come back any more and says how it stands: a NET line. Nothing is
    /// sent until hurry() is called.
    void report() noexcept;

  private:
    resume::Machine& machine_;
    resume::XenGuest& guest_;
    bool present_;
    resume::Netfront front_;
    resume::FrameLoad load_;
    resume::Ticks next_ = 0;  ///< burst
    bool held_ = false;
};

}  // namespace kernel
