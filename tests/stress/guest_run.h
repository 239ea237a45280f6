// One run of resume-guest: boots the guest, takes it through the wanted outcomes, reports.
#pragma once

#include <atomic>
#include <memory>

#include "libresume/oracle/cycle_report.h"
#include "tests/stress/guest/modelled_guest.h"
#include "tests/stress/options.h"
#include "tests/stress/publisher.h"

namespace resume::stress {

class GuestRun {
  public:
    explicit GuestRun(const GuestOptions& options);
    ~GuestRun();
    GuestRun(const GuestRun&) = delete;
    GuestRun& operator=(const GuestRun&) = delete;

    ExitCode run();

    /// SIGTERM: the cycle under way is called off where it still can be, and the run ends after it.
    /// Async-signal-safe.
    void stop() noexcept;

  private:
    bool boot();
    /// False when the guest is dead or the run is over.
    bool cycle(Outcome wanted);
    /// True when the guest was asked and its cycle is over.
    bool wait_for_request(model::HostAct act);
    void report(Outcome wanted);
    void end_publishing();

    GuestOptions options_;
    ModelledGuest guest_;
    std::unique_ptr<Publisher> publisher_;
    std::atomic<bool> stopped_{false};
    uint32_t reported_ = 0;
    bool all_right_ = true;
};

}  // namespace resume::stress
