// Asks each disk for a sector after a resume, by a helper that never waits for one. Opt-in
// (act.disk.probe): what the counters cannot show is a dead disk that nobody uses.
#pragma once

#include <string>
#include <vector>

#include "agent/act/helper.h"
#include "agent/act/participant.h"
#include "agent/base/event_loop.h"
#include "agent/base/files.h"
#include "agent/config/config.h"

namespace resume::agent {

/// Disks that may be asked: with a device behind them, not removable, and not among `suspects`.
std::vector<std::string> disks_to_probe(const Root& root, const std::vector<std::string>& suspects);

class ProbeParticipant final : public Participant {
  public:
    ProbeParticipant(Cycle& cycle, EventLoop& loop, const Config& config, const Root& root,
                     HelperPlace place = {.socket = "/run/libresume-probe.sock",
                                          .program = "/usr/libexec/libresume/resume-probe"});
    ~ProbeParticipant() override;

    /// Starts the helper where the configuration wants it, so that disks are opened while they are
    /// known to work; ends it where it does not any more. False when it is wanted and not there.
    bool get_ready(const std::vector<std::string>& suspects = {});

    static constexpr std::chrono::milliseconds kPatience{2000};

  protected:
    void after(Outcome outcome, Done done) override;

  private:
    /// Tells the helper which disks there are. Returns 0 or an errno.
    int tell_disks(const std::vector<std::string>& names);
    void on_answer();
    void take(const std::string& line);
    void finish(const char* problem);

    EventLoop& loop_;
    const Config& config_;
    Root root_;
    HelperPlace place_;
    Helper helper_{};
    std::vector<std::string> known_{};
    std::string inbox_{};
    Done done_{};
    EventLoop::TimerId timer_ = 0;
    size_t answered_ = 0;
};

}  // namespace resume::agent
