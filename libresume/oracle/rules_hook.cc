// P3, P4, P6, P10, P11, P13, P14, F6: each hook once, in its phase, and its mirror after it.
#include "libresume/oracle/families.h"

#include "libresume/result.h"

#include <map>
#include <set>
#include <utility>

namespace resume::oracle {
namespace {

struct Run {
    bool ended = false;
    int32_t status = 0;
};

class HookRules final : public Rules {
  public:
    void see(Scene& scene, const TraceEvent& event) override {
        switch (event.kind) {
            case EventKind::cycle_begin:
                begin_cycle();
                break;
            case EventKind::device_added:
                if (scene.in_cycle()) {
                    scene.violate("P10", "a device was added in mid-cycle", event.device);
                }
                removed_.erase(event.device);
                break;
            case EventKind::device_removed:
                removed_.insert(event.device);
                break;
            case EventKind::hook_begin:
                begin_hook(scene, event);
                break;
            case EventKind::hook_skipped:
                skipped_.insert({event.device, event.phase});
                break;
            case EventKind::hook_end:
                end_hook(scene, event);
                break;
            case EventKind::hook_overrun:
                if (event.device == kNoDevice) {
                    scene.violate("P11", "a hook took too long and is not named");
                }
                break;
            case EventKind::cycle_end:
                check_owed(scene);
                break;
            default:
                break;
        }
    }

  private:
    using Key = std::pair<DeviceId, Phase>;

    void begin_cycle() {
        runs_.clear();
        skipped_.clear();
        open_ = 0;
        latest_ = Phase::none;
        failed_down_ = Phase::none;
        failed_up_ = false;
    }

    void begin_hook(Scene& scene, const TraceEvent& event) {
        const char* phase = name_of(event.phase);
        if (!scene.in_cycle()) {
            scene.violate("P14", std::string{phase} + " ran outside of a cycle", event.device);
            return;
        }
        if (!scene.view().devices.empty() && scene.view().devices.count(event.device) == 0) {
            scene.violate("P10", std::string{phase} + " of a device that is not registered",
                          event.device);
        }
        if (event.phase < latest_) {
            scene.violate("P6", std::string{phase} + " began after " + name_of(latest_),
                          event.device);
        } else if (event.phase > latest_ && open_ != 0) {
            scene.violate("P6",
                          std::string{phase} + " began while hooks of " + name_of(latest_) +
                              " were not finished",
                          event.device);
        }
        latest_ = std::max(latest_, event.phase);
        if (!runs_.insert({{event.device, event.phase}, Run{}}).second) {
            scene.violate("P4", std::string{phase} + " ran twice in one cycle", event.device);
            return;
        }
        ++open_;
        if (is_up(event.phase)) {
            const auto down = runs_.find({event.device, mirror_of(event.phase)});
            if (down == runs_.end() || !down->second.ended || down->second.status != 0) {
                scene.violate("P4",
                              std::string{phase} + " ran though " +
                                  name_of(mirror_of(event.phase)) + " had not succeeded",
                              event.device);
            }
        }
    }

    void end_hook(Scene& scene, const TraceEvent& event) {
        const auto found = runs_.find({event.device, event.phase});
        if (found == runs_.end() || found->second.ended) {
            scene.violate(
                "P3", std::string{name_of(event.phase)} + " ended without having begun, or twice",
                event.device);
            return;
        }
        found->second = {true, event.status};
        --open_;
        if (event.status == static_cast<int32_t>(Errc::timed_out) && event.device == kNoDevice) {
            scene.violate("P11", "a wait ended at its deadline and names nobody");
        }
        if (event.status != 0) {
            if (is_up(event.phase)) {
                failed_up_ = true;
            } else {
                failed_down_ = event.phase;
            }
        }
    }

    void check_owed(Scene& scene) {
        for (const auto& [key, run] : runs_) {
            const auto& [device, phase] = key;
            if (!run.ended) {
                scene.violate("P3", std::string{name_of(phase)} + " never ended", device);
            }
            if (is_up(phase) || !run.ended || run.status != 0) {
                continue;
            }
            const Phase up = mirror_of(phase);
            if (runs_.count({device, up}) != 0 || skipped_.count({device, up}) != 0) {
                continue;
            }
            const std::string text =
                std::string{name_of(up)} + " never ran though " + name_of(phase) + " succeeded";
            scene.violate(phase == Phase::prepare ? "P14" : "P4", text, device);
            if (failed_up_) {
                scene.violate("P13", text + ", after another device failed on the way up", device);
            }
            if (failed_down_ == phase) {
                scene.violate("F6", text + ", after another device refused", device);
            }
        }
    }

    std::map<Key, Run> runs_;
    std::set<Key> skipped_;
    std::set<DeviceId> removed_;
    size_t open_ = 0;
    Phase latest_ = Phase::none;
    Phase failed_down_ = Phase::none;
    bool failed_up_ = false;
};

}  // namespace

std::unique_ptr<Rules> hook_rules() {
    return std::make_unique<HookRules>();
}

}  // namespace resume::oracle
