#include "libresume/oracle/judge.h"

#include "libresume/oracle/families.h"

namespace resume::oracle {

Verdict judge(const TraceView& view) {
    Verdict verdict;
    if (view.lost != 0) {
        verdict.inconclusive = std::to_string(view.lost) + " events were lost";
        return verdict;
    }
    Scene scene{view, verdict};
    std::unique_ptr<Rules> families[] = {outcome_rules(),      quiet_rules(), order_rules(),
                                         registration_rules(), watch_rules(), store_rules(),
                                         time_rules(),         hook_rules(),  tree_rules(),
                                         step_rules(),         device_rules()};
    for (size_t i = 0; i < view.events.size(); ++i) {
        const TraceEvent& event = view.events[i];
        if (!scene.counts(event)) {
            continue;
        }
        scene.advance(event, i);
        for (const auto& family : families) {
            family->see(scene, event);
        }
        scene.settle(event);
    }
    if (verdict.violations.empty()) {
        if (scene.in_cycle()) {
            verdict.inconclusive = "the trace ends in mid-cycle";
        } else if (view.truncated) {
            verdict.inconclusive = "the text of the trace was cut off";
        } else if (scene.cycles_seen() == 0) {
            verdict.inconclusive = "no cycle in this trace";
        }
    }
    return verdict;
}

}  // namespace resume::oracle
