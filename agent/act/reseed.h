// A request for a reseed after a restore: two guests restored from one snapshot must not share
// their random numbers. The kernel does it itself where it is told (vmgenid); a PVH guest's is not.
#pragma once

#include "agent/act/participant.h"
#include "agent/base/files.h"
#include "agent/config/config.h"

namespace resume::agent {

class ReseedParticipant final : public Participant {
  public:
    ReseedParticipant(Cycle& cycle, const Config& config, const Root& root);

  protected:
    void after(Outcome outcome, Done done) override;

  private:
    const Config& config_;
    Root root_;
};

/// True when the state that runs now may run elsewhere too.
bool may_be_a_copy(const oracle::CycleReport& report);

}  // namespace resume::agent
