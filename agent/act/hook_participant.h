// hooks.d as a participant: before and after every suspend, last but for the clients.
#pragma once

#include "agent/act/hooks.h"
#include "agent/act/participant.h"
#include "agent/config/config.h"

namespace resume::agent {

class HookParticipant final : public Participant {
  public:
    HookParticipant(Cycle& cycle, EventLoop& loop, const Config& config, const Root& root,
                    bool manager);

  protected:
    void before(Done done) override;
    void after(Outcome outcome, Done done) override;

  private:
    const Config& config_;
    Root root_;
    HookRunner runner_;
};

}  // namespace resume::agent
