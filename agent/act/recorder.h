// The place in the order where the report is written: after what puts things right and what is
// checked, before hooks and clients, which get the finished report.
#pragma once

#include "agent/act/participant.h"
#include "agent/report/reporter.h"

namespace resume::agent {

class RecorderParticipant final : public Participant {
  public:
    RecorderParticipant(Cycle& cycle, Reporter& reporter);

  protected:
    void before(Done done) override;
    void after(Outcome outcome, Done done) override;

  private:
    Reporter& reporter_;
};

/// Names and publishes the cycle's report: also for a suspend that was refused before the recorder
/// itself went down.
void record(Cycle& cycle, Reporter& reporter);

}  // namespace resume::agent
