// P2: going down, children and consumers before parents and suppliers; coming up, the reverse.
#include "libresume/oracle/families.h"

#include <map>
#include <unordered_map>
#include <unordered_set>

namespace resume::oracle {
namespace {

class TreeRules final : public Rules {
  public:
    void see(Scene& scene, const TraceEvent& event) override {
        switch (event.kind) {
            case EventKind::cycle_begin:
                above_.clear();
                phase_ = Phase::none;
                break;
            case EventKind::hook_begin:
                begin(scene, event);
                break;
            case EventKind::hook_end:
                end(scene, event);
                break;
            default:
                break;
        }
    }

  private:
    /// Ranks, not the tree, order system devices while only they run.
    static bool by_rank(Phase phase) {
        return phase == Phase::syscore_suspend || phase == Phase::syscore_resume;
    }
    static bool below_first(Phase phase) {
        return phase == Phase::suspend || phase == Phase::suspend_late ||
               phase == Phase::suspend_noirq || phase == Phase::complete;
    }

    void begin(Scene& scene, const TraceEvent& event) {
        if (by_rank(event.phase)) {
            return;
        }
        if (event.phase != phase_) {
            phase_ = event.phase;
            begun_.clear();
            open_.clear();
            begun_below_.clear();
            open_below_.clear();
        }
        const auto& above = above_of(scene.view(), event.device);
        if (below_first(event.phase)) {
            if (open_below_[event.device] != 0) {
                complain(scene, event, "began before something below it had finished");
            }
            if (any_of(above, begun_)) {
                complain(scene, event, "ran after something above it");
            }
        } else {
            if (begun_below_.count(event.device) != 0) {
                complain(scene, event, "ran after something below it");
            }
            if (any_of(above, open_)) {
                complain(scene, event, "began before something above it had finished");
            }
        }
        begun_.insert(event.device);
        open_.insert(event.device);
        begun_below_.insert(above.begin(), above.end());
        for (const DeviceId id : above) {
            ++open_below_[id];
        }
    }

    void end(Scene& scene, const TraceEvent& event) {
        if (event.phase != phase_ || open_.erase(event.device) == 0) {
            return;
        }
        for (const DeviceId id : above_of(scene.view(), event.device)) {
            --open_below_[id];
        }
    }

    static void complain(Scene& scene, const TraceEvent& event, const char* what) {
        scene.violate("P2", std::string{name_of(event.phase)} + " " + what, event.device);
    }

    static bool any_of(const std::unordered_set<DeviceId>& ids,
                       const std::unordered_set<DeviceId>& in) {
        for (const DeviceId id : ids.size() < in.size() ? ids : in) {
            if (ids.count(id) != 0 && in.count(id) != 0) {
                return true;
            }
        }
        return false;
    }

    /// Ancestors and suppliers, and theirs; system devices are ordered by rank instead.
    const std::unordered_set<DeviceId>& above_of(const TraceView& view, DeviceId device) {
        const auto known = above_.find(device);
        if (known != above_.end()) {
            return known->second;
        }
        std::unordered_set<DeviceId> above;
        std::vector<DeviceId> todo{device};
        while (!todo.empty()) {
            const auto found = view.devices.find(todo.back());
            todo.pop_back();
            if (found == view.devices.end()) {
                continue;
            }
            std::vector<DeviceId> next = found->second.suppliers;
            next.push_back(found->second.parent);
            for (const DeviceId id : next) {
                if (id != kNoDevice && id != device && above.insert(id).second) {
                    todo.push_back(id);
                }
            }
        }
        return above_.emplace(device, std::move(above)).first->second;
    }

    std::unordered_map<DeviceId, std::unordered_set<DeviceId>> above_;
    std::unordered_set<DeviceId> begun_;
    std::unordered_set<DeviceId> open_;
    std::unordered_set<DeviceId> begun_below_;
    std::unordered_map<DeviceId, size_t> open_below_;
    Phase phase_ = Phase::none;
};

}  // namespace

std::unique_ptr<Rules> tree_rules() {
    return std::make_unique<TreeRules>();
}

}  // namespace resume::oracle
