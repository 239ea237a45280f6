#include "libresume/oracle/judge.h"

#include "libresume/oracle/families.h"

#include <span>

namespace resume::oracle {

namespace {

/// Who wants to see which events, so that nobody is asked for nothing.
class Audience {
  public:
    explicit Audience(std::span<const std::unique_ptr<Rules>> families) {
        for (const auto& family : families) {
            const KindSet wanted = family->wants();
            for (uint8_t kind = 0; kind < kEventKindCount; ++kind) {
                if (wanted.has(static_cast<EventKind>(kind))) {
                    rows_[kind].push_back(family.get());
                }
            }
            if (wanted.every_hypercall()) {
                rows_[kAnyHypercall].push_back(family.get());
            }
        }
    }
    [[nodiscard]] std::span<Rules* const> of(const TraceEvent& event) const {
        const bool any = event.kind == EventKind::hypercall && !is_suspend_hypercall(event);
        return rows_[any ? kAnyHypercall : static_cast<uint8_t>(event.kind)];
    }

  private:
    static constexpr uint8_t kAnyHypercall = kEventKindCount;
    std::vector<Rules*> rows_[kEventKindCount + 1];
};

}  // namespace

Verdict judge(const TraceView& view) {
    Verdict verdict;
    if (view.lost != 0) {
        verdict.inconclusive = std::to_string(view.lost) + " events were lost";
        return verdict;
    }
    Scene scene{view, verdict};
    std::unique_ptr<Rules> families[] = {
        outcome_rules(), quiet_rules(),  order_rules(), registration_rules(), watch_rules(),
        store_rules(),   time_rules(),   hook_rules(),  tree_rules(),         step_rules(),
        kvm_rules(),     device_rules(), memory_rules()};
    const Audience audience{families};
    for (size_t i = 0; i < view.events.size(); ++i) {
        const TraceEvent& event = view.events[i];
        if (!scene.counts(event)) {
            continue;
        }
        scene.advance(event, i);
        for (Rules* const family : audience.of(event)) {
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
