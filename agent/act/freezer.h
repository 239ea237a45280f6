// File systems, frozen for a snapshot by the helper and thawed first thing on the way up. Only when
// it was asked for by name, and never for a suspend: a writer on a frozen file system is what makes
// the kernel refuse.
#pragma once

#include <string>
#include <vector>

#include "agent/act/helper.h"
#include "agent/act/participant.h"
#include "agent/base/event_loop.h"
#include "agent/config/config.h"

namespace resume::agent {

class Freezer final : public Participant {
  public:
    Freezer(Cycle& cycle, EventLoop& loop, const Config& config,
            HelperPlace place = {.socket = "/run/libresume-freeze.sock",
                                 .program = "/usr/libexec/libresume/resume-freeze"});
    ~Freezer() override;

    /// Called when the helper has thawed by itself: the time was over.
    void on_expired(std::function<void()> expired) { expired_ = std::move(expired); }
    [[nodiscard]] bool frozen() const noexcept { return frozen_; }

  protected:
    void before(Done done) override;
    void after(Outcome outcome, Done done) override;

  private:
    void on_answer();
    void finish(Errc code);
    void close();

    EventLoop& loop_;
    const Config& config_;
    HelperPlace place_;
    std::function<void()> expired_{};
    Helper helper_{};
    bool frozen_ = false;
    std::string inbox_{};
    Done done_{};
};

}  // namespace resume::agent
