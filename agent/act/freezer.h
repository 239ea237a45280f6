// File systems, frozen for a snapshot by the helper and thawed first thing on the way up. Only when
// it was asked for by name, and never for a suspend: a writer on a frozen file system is what makes
// the kernel refuse.
#pragma once

#include <string>
#include <vector>

#include "agent/act/participant.h"
#include "agent/base/event_loop.h"
#include "agent/config/config.h"

namespace resume::agent {

struct FreezerMeans {
    /// The helper's socket (systemd starts it with the right it needs), tried first.
    std::string socket = "/run/libresume-freeze.sock";
    /// The helper itself, started when there is no socket.
    std::string program = "/usr/libexec/libresume/resume-freeze";
};

class Freezer final : public Participant {
  public:
    Freezer(Cycle& cycle, EventLoop& loop, const Config& config, FreezerMeans means = {});
    ~Freezer() override;

    /// Called when the helper has thawed by itself: the time was over.
    void on_expired(std::function<void()> expired) { expired_ = std::move(expired); }
    [[nodiscard]] bool frozen() const noexcept { return frozen_; }

  protected:
    void before(Done done) override;
    void after(Outcome outcome, Done done) override;

  private:
    int connect();
    int spawn();
    void on_answer();
    void finish(Errc code);
    void close();

    EventLoop& loop_;
    const Config& config_;
    FreezerMeans means_;
    std::function<void()> expired_{};
    UniqueFd helper_{};
    int pid_ = 0;
    bool frozen_ = false;
    std::string inbox_{};
    Done done_{};
};

}  // namespace resume::agent
