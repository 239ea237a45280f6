// P2: going down, children and consumers before parents and suppliers; coming up, the reverse.
#include "libresume/oracle/families.h"

#include <algorithm>
#include <vector>

namespace resume::oracle {
namespace {

class TreeRules final : public Rules {
  public:
    [[nodiscard]] KindSet wants() const override {
        using K = EventKind;
        return KindSet{K::cycle_begin, K::hook_begin, K::hook_end};
    }
    void see(Scene& scene, const TraceEvent& event) override {
        switch (event.kind) {
            case EventKind::cycle_begin:
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

    /// What a device has done in the phase that is under way; of an earlier one nothing counts.
    struct Of {
        uint64_t phase = 0;
        bool begun = false;
        bool open = false;
        bool begun_below = false;
        uint32_t open_below = 0;
        bool linked = false;          ///< `above` is known
        std::vector<uint32_t> above;  ///< slots of ancestors and suppliers, and theirs
    };

    Of& of(uint32_t slot) {
        if (slot >= devices_.size()) {
            devices_.resize(slot + 1);
        }
        Of& of = devices_[slot];
        if (of.phase != phases_) {
            of.phase = phases_;
            of.begun = of.open = of.begun_below = false;
            of.open_below = 0;
        }
        return of;
    }

    void begin(Scene& scene, const TraceEvent& event) {
        if (by_rank(event.phase)) {
            return;
        }
        if (event.phase != phase_) {
            phase_ = event.phase;
            ++phases_;
        }
        const uint32_t slot = scene.slots().of(event.device);
        link(scene, slot);
        bool above_begun = false;
        bool above_open = false;
        for (const uint32_t above : devices_[slot].above) {
            Of& other = of(above);
            above_begun |= other.begun;
            above_open |= other.open;
            other.begun_below = true;
            ++other.open_below;
        }
        Of& own = of(slot);
        if (below_first(event.phase)) {
            if (own.open_below != 0) {
                complain(scene, event, "began before something below it had finished");
            }
            if (above_begun) {
                complain(scene, event, "ran after something above it");
            }
        } else {
            if (own.begun_below) {
                complain(scene, event, "ran after something below it");
            }
            if (above_open) {
                complain(scene, event, "began before something above it had finished");
            }
        }
        own.begun = own.open = true;
    }

    void end(Scene& scene, const TraceEvent& event) {
        const uint32_t slot = scene.slots().of(event.device);
        if (event.phase != phase_ || !of(slot).open) {
            return;
        }
        of(slot).open = false;
        for (const uint32_t above : devices_[slot].above) {
            --of(above).open_below;
        }
    }

    static void complain(Scene& scene, const TraceEvent& event, const char* what) {
        scene.violate("P2", std::string{name_of(event.phase)} + " " + what, event.device);
    }

    /// Makes sure that what is above the device is known, and that each of it has its place: in a
    /// trace links do not change.
    void link(Scene& scene, uint32_t slot) {
        if (of(slot).linked) {
            return;
        }
        const TraceView& view = scene.view();
        std::vector<uint32_t> above;
        std::vector<DeviceId> todo{scene.slots().id(slot)};
        while (!todo.empty()) {
            const auto found = view.devices.find(todo.back());
            todo.pop_back();
            if (found == view.devices.end()) {
                continue;
            }
            std::vector<DeviceId> next = found->second.suppliers;
            next.push_back(found->second.parent);
            for (const DeviceId id : next) {
                const uint32_t other = id == kNoDevice ? slot : scene.slots().of(id);
                if (other != slot && std::find(above.begin(), above.end(), other) == above.end()) {
                    above.push_back(other);
                    todo.push_back(id);
                }
            }
        }
        devices_.resize(std::max<size_t>(devices_.size(), scene.slots().count()));
        devices_[slot].above = std::move(above);
        devices_[slot].linked = true;
    }

    std::vector<Of> devices_;  ///< by slot
    uint64_t phases_ = 0;      ///< walks so far: a phase of a cycle each
    Phase phase_ = Phase::none;
};

}  // namespace

std::unique_ptr<Rules> tree_rules() {
    return std::make_unique<TreeRules>();
}

}  // namespace resume::oracle
