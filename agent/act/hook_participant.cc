#include "agent/act/hook_participant.h"

namespace resume::agent {

HookParticipant::HookParticipant(Cycle& cycle, EventLoop& loop, const Config& config,
                                 const Root& root, bool manager)
    : Participant{cycle, "hooks", Pace::slow},
      config_{config},
      root_{root},
      runner_{loop, manager} {}

void HookParticipant::before(Done done) {
    if (!config_.hooks) {
        done(Errc::none);
        return;
    }
    HookCall call{.kind = cycle().kind, .id = cycle().id, .announced = true};
    call.deadline_ms = cycle().deadline_ms;
    runner_.run(find_hooks(root_), std::move(call),
                [this, done](const std::vector<HookResult>& results) {
                    const bool veto = !results.empty() && results.back().status == kHookVeto;
                    if (veto) {
                        cycle().refused_by = "hook " + results.back().name;
                    }
                    done(veto ? Errc::refused : Errc::none);
                });
}

void HookParticipant::after(Outcome, Done done) {
    const auto& report = cycle().report;
    if (!config_.hooks || report.kind == "clock-step") {
        done(Errc::none);
        return;
    }
    HookCall call{.post = true, .kind = report.kind, .outcome = report.outcome, .id = report.id};
    call.announced = report.announced;
    call.report = oracle::to_line(report);
    runner_.run(find_hooks(root_), std::move(call), [done](const auto&) { done(Errc::none); });
}

}  // namespace resume::agent
