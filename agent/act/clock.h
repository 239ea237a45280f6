// The wall clock after a suspend that left it behind: told, or put forward. Linux on Xen is right
// already; on KVM a paused or restored guest is not.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/act/participant.h"
#include "agent/base/child_watch.h"
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
        std::function<void(int64_t by_ns)> moved{};
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

/// `chronyc makestep`, while the agent goes on: a machine that was just restored is slow, and what
/// belongs to its restore is to be heard at its time.
class TimeDaemonTeller {
  public:
    /// `manager`: in a transient unit of systemd's, out of the agent's sandbox.
    TimeDaemonTeller(EventLoop& loop, const Root& root, bool manager)
        : root_{root}, manager_{manager}, child_{loop} {}

    /// Nothing but for chronyd: the others notice by themselves, and have nothing to be told by.
    void tell(const std::string& daemon);
    [[nodiscard]] bool busy() const noexcept { return child_.pid() != 0; }

  private:
    Root root_;
    bool manager_;
    ChildWatch child_;
};

}  // namespace resume::agent
