// P3, P4, P6, P10, P11, P13, P14, F6: each hook once, in its phase, and its mirror after it.
#include "libresume/oracle/families.h"

#include "libresume/result.h"

#include <algorithm>
#include <vector>

namespace resume::oracle {
namespace {

/// A hook of a device in a cycle; of an earlier cycle's nothing counts any more.
struct Run {
    uint64_t cycle = 0;
    int32_t status = 0;
    bool begun = false;
    bool ended = false;
    bool skipped = false;
};

class HookRules final : public Rules {
  public:
    [[nodiscard]] KindSet wants() const override {
        using K = EventKind;
        return KindSet{K::cycle_begin,  K::device_added, K::hook_begin,
                       K::hook_skipped, K::hook_end,     K::hook_overrun,
                       K::cycle_end,    K::cpu_online,   K::cpu_offline};
    }
    void see(Scene& scene, const TraceEvent& event) override {
        switch (event.kind) {
            case EventKind::cycle_begin:
                begin_cycle();
                break;
            case EventKind::device_added:
                if (scene.in_cycle()) {
                    scene.violate("P10", "a device was added in mid-cycle", event.device);
                }
                break;
            case EventKind::hook_begin:
                begin_hook(scene, event);
                break;
            case EventKind::cpu_online:
            case EventKind::cpu_offline:
                if (scene.in_cycle()) {
                    scene.violate("P10", "a vCPU was started or stopped in mid-cycle");
                }
                break;
            case EventKind::hook_skipped:
                run_of(scene, event.device, event.phase).skipped = true;
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
    /// Nothing has happened in it yet when it is of this cycle and has not begun.
    Run& run_of(Scene& scene, DeviceId device, Phase phase) {
        return run_at(scene.slots().of(device), phase);
    }
    Run& run_at(uint32_t slot, Phase phase) {
        const size_t at = size_t{slot} * kPhaseCount + static_cast<uint8_t>(phase);
        if (at >= runs_.size()) {
            runs_.resize((size_t{slot} + 1) * kPhaseCount);
        }
        if (runs_[at].cycle != cycle_) {
            runs_[at] = {.cycle = cycle_};
        }
        return runs_[at];
    }

    void begin_cycle() {
        ++cycle_;
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
        if (!scene.view().devices.empty() && !scene.slots().known(scene.slots().of(event.device))) {
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
        Run& run = run_of(scene, event.device, event.phase);
        if (run.begun) {
            scene.violate("P4", std::string{phase} + " ran twice in one cycle", event.device);
            return;
        }
        run.begun = true;
        ++open_;
        if (is_up(event.phase)) {
            const Run& down = run_of(scene, event.device, mirror_of(event.phase));
            if (!down.ended || down.status != 0) {
                scene.violate("P4",
                              std::string{phase} + " ran though " +
                                  name_of(mirror_of(event.phase)) + " had not succeeded",
                              event.device);
            }
        }
    }

    void end_hook(Scene& scene, const TraceEvent& event) {
        Run& run = run_of(scene, event.device, event.phase);
        if (!run.begun || run.ended) {
            scene.violate(
                "P3", std::string{name_of(event.phase)} + " ended without having begun, or twice",
                event.device);
            return;
        }
        run.ended = true;
        run.status = event.status;
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
        for (size_t at = 0; at < runs_.size(); ++at) {
            if (runs_[at].cycle == cycle_ && runs_[at].begun) {
                check_owed(scene, static_cast<uint32_t>(at / kPhaseCount),
                           static_cast<Phase>(at % kPhaseCount));
            }
        }
    }

    void check_owed(Scene& scene, uint32_t slot, Phase phase) {
        const Run& run = run_at(slot, phase);
        const DeviceId device = scene.slots().id(slot);
        if (!run.ended) {
            scene.violate("P3", std::string{name_of(phase)} + " never ended", device);
        }
        if (is_up(phase) || !run.ended || run.status != 0) {
            return;
        }
        const Phase up = mirror_of(phase);
        const Run& mirror = run_at(slot, up);
        if (mirror.begun || mirror.skipped) {
            return;
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

    std::vector<Run> runs_;  ///< by slot and phase
    uint64_t cycle_ = 1;     ///< of those seen here
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
