// The guest's disk under load: blkfront with a verified pattern. Requests are under way whenever
// the guest is asked to go down, and what the disk must hold is known down to the byte.
#pragma once

#include "drivers/blkfront/blkfront.h"
#include "drivers/xen_guest/xen_guest.h"
#include "tests/kernel/command_line.h"
#include "tests/workload/disk_load.h"

namespace kernel {

class Disk {
  public:
    static constexpr uint32_t kMaxLanes = 8;

    /// `words.disk` lanes; 0 = there is no disk, and nothing below does anything.
    Disk(resume::Machine& machine, resume::XenGuest& guest, const CommandLine& words) noexcept;

    /// After the drivers and the ordinary devices: it goes down before them.
    resume::Result<> add() noexcept;
    [[nodiscard]] const resume::Device& device() const noexcept { return front_; }

    // Thread context, CPU 0.
    /// Connects and begins the load; timed_out when no backend comes in 30 s.
    resume::Result<> start() noexcept;
    /// Whenever the guest idles: takes answers, and asks again when the time has come. The load is
    /// paced, since each request is in the trace.
    void run() noexcept;
    /// A request of every lane at once, so that some are under way.
    void hurry() noexcept;
    /// Waits until nothing is under way and says what the disk must hold now: a DISK line. It stays
    /// so until hurry() is called.
    void report() noexcept;

  private:
    [[nodiscard]] uint32_t checksum() const noexcept;

    resume::Machine& machine_;
    resume::XenGuest& guest_;
    uint32_t lanes_;
    resume::Blkfront front_;
    resume::DiskLoad load_;
    resume::Ticks next_ = 0;  ///< burst
    bool held_ = false;
};

}  // namespace kernel
