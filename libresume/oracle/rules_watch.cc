// L5: watches are there again after a resume, and are left alone after a cancel.
#include "libresume/oracle/families.h"
#include "libresume/oracle/flat_set.h"

namespace resume::oracle {
namespace {

class WatchRules final : public Rules {
  public:
    [[nodiscard]] KindSet wants() const override {
        using K = EventKind;
        return KindSet{K::watch_added, K::watch_removed, K::watch_dropped,
                       K::hypercall,   K::evidence,      K::cycle_end};
    }
    void see(Scene& scene, const TraceEvent& event) override {
        switch (event.kind) {
            case EventKind::watch_added:
                if (scene.in_cycle() && scene.going_up() && scene.outcome() != Outcome::resumed) {
                    scene.violate("L5", std::string{"a watch was registered again though the "
                                                    "cycle was "} +
                                            name_of(scene.outcome()));
                }
                now_.insert(event.arg64);
                break;
            case EventKind::watch_removed:
                now_.erase(event.arg64);
                break;
            case EventKind::watch_dropped:
                // Given up by its user: in a new domain there is nothing of it to take back.
                if (scene.in_cycle() && scene.going_up() && now_.contains(event.arg64)) {
                    scene.violate("L5", "a watch was forgotten here and left behind at the daemon");
                }
                now_.erase(event.arg64);
                before_.erase(event.arg64);
                break;
            case EventKind::hypercall:
                if (is_suspend_hypercall(event) && event.status == 0) {
                    before_ = now_;
                    now_.clear();
                    anew_ = true;
                }
                break;
            case EventKind::evidence:
                if (anew_ && scene.evidence() == DomainEvidence::same) {
                    for (const uint64_t token : before_) {
                        now_.insert(token);
                    }
                    anew_ = false;
                }
                break;
            case EventKind::cycle_end:
                if (anew_) {
                    check(scene);
                }
                anew_ = false;
                break;
            default:
                break;
        }
    }

  private:
    void check(Scene& scene) {
        size_t missing = 0;
        for (const uint64_t token : before_) {
            missing += now_.contains(token) ? 0 : 1;
        }
        if (missing != 0) {
            scene.violate("L5", std::to_string(missing) + " of " + std::to_string(before_.size()) +
                                    " watches were not registered again");
        }
    }

    FlatSet<uint64_t> now_;
    FlatSet<uint64_t> before_;
    bool anew_ = false;
};

}  // namespace

std::unique_ptr<Rules> watch_rules() {
    return std::make_unique<WatchRules>();
}

}  // namespace resume::oracle
