// The wall clock after a suspend that left it behind: told, or put forward. Linux on Xen is right
// already; on KVM a paused or restored guest is not.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/act/participant.h"
#include "agent/base/files.h"
#include "agent/config/config.h"

namespace resume::agent {

struct ClockDecision {
    enum class Act { nothing, report, step, leave_to_daemon };
    Act act = Act::nothing;
    int64_t by_ns = 0;
    std::string why{};
};

/// `lost_ns`: how far REALTIME fell behind across the cycle (unannounced.h); `daemon`: a time
/// daemon that runs, empty when none does. Never less than two seconds, never more than the limit,
/// backward only when the configuration says so.
ClockDecision decide_clock(const Config& config, std::optional<int64_t> lost_ns,
                           const std::string& daemon);

/// "chronyd", "systemd-timesyncd", "ntpd", or empty.
std::string running_time_daemon(const Root& root);

class ClockParticipant final : public Participant {
  public:
    struct Means {
        /// What the observer found for the cycle that is being reported.
        std::function<std::optional<int64_t>()> lost_ns{};
        /// Moves REALTIME; 0 or an errno.
        std::function<int(int64_t by_ns)> step{};
        /// chronyc makestep, or nothing where the daemon has no such thing.
        std::function<void(const std::string& daemon)> tell{};
        /// The clock was moved by us: no news.
        std::function<void()> moved{};
    };
    ClockParticipant(Cycle& cycle, const Config& config, const Root& root, Means means);

  protected:
    void after(Outcome outcome, Done done) override;

  private:
    const Config& config_;
    Root root_;
    Means means_;
};

/// clock_settime on CLOCK_REALTIME, relative to now.
int step_wall_clock(int64_t by_ns);
/// `chronyc makestep` where chronyd runs. `manager`: in a transient unit of systemd's, which is not
/// waited for; otherwise it is, three seconds at most.
void tell_time_daemon(const std::string& daemon, bool manager);

}  // namespace resume::agent
