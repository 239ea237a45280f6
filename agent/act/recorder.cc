#include "agent/act/recorder.h"

namespace resume::agent {

RecorderParticipant::RecorderParticipant(Cycle& cycle, Reporter& reporter)
    : Participant{cycle, "recorder", Pace::quick}, reporter_{reporter} {}

void RecorderParticipant::before(Done done) {
    reporter_.going_down();
    done(Errc::none);
}

void RecorderParticipant::after(Outcome, Done done) {
    record(cycle(), reporter_);
    done(Errc::none);
}

void record(Cycle& cycle, Reporter& reporter) {
    auto& report = cycle.report;
    if (!cycle.refused_by.empty() && report.cause && report.cause->detail.empty()) {
        report.cause->detail = "refused by " + cycle.refused_by;
    }
    for (const auto& who : cycle.late) {
        report.checks.push_back({"client", "warning", who + " was not ready in time"});
    }
    if (report.id.empty()) {
        reporter.name(report);
    }
    reporter.publish(report);
    cycle.recorded = true;
}

}  // namespace resume::agent
