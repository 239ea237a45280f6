// L13, L14, L22: clocks and stolen time over a cycle.
#include "libresume/oracle/families.h"
#include "libresume/oracle/flat_set.h"
#include "libresume/oracle/xen_abi.h"

#include <optional>

namespace resume::oracle {
namespace {

/// Clock numbers of clock_read.
constexpr uint32_t kMonotonic = 0;
constexpr uint32_t kWall = 1;
constexpr uint32_t kRaw = 2;

/// A guest's clock goes on from where its counter says; more than this beside it is a leap.
constexpr uint64_t kLeapNs = 500'000'000;

class TimeRules final : public Rules {
  public:
    [[nodiscard]] KindSet wants() const override {
        using K = EventKind;
        return KindSet{K::cycle_begin,     K::hypercall,  K::memory_mapped,
                       K::vcpu_info_set,   K::clock_read, K::clock_offset,
                       K::runstate_folded, K::cycle_end,  K::guest_at_shutdown};
    }
    void see(Scene& scene, const TraceEvent& event) override {
        switch (event.kind) {
            case EventKind::cycle_begin:
                folded_ = 0;
                left_ = false;
                offset_owed_ = false;
                read_early_ = false;
                break;
            case EventKind::hypercall:
                if (is_suspend_hypercall(event)) {
                    away_ = true;
                    left_ = offset_owed_ = true;
                    mapped_ = false;
                    wall_read_ = false;
                    vcpus_owed_.clear();
                    if (event.status == 0) {
                        vcpus_owed_ = vcpus_;
                    }
                }
                break;
            case EventKind::guest_at_shutdown:
                if (!scene.is_xen()) {
                    away_ = left_ = offset_owed_ = true;
                    wall_read_ = false;
                }
                break;
            case EventKind::memory_mapped:
                mapped_ |= event.arg32 == XENMAPSPACE_shared_info && event.status == 0;
                break;
            case EventKind::vcpu_info_set:
                vcpus_.insert(event.arg32);
                vcpus_owed_.erase(event.arg32);
                break;
            case EventKind::clock_read:
                see_clock(scene, event);
                read_early_ |= offset_owed_ && scene.in_cycle() && event.arg32 != kRaw;
                break;
            case EventKind::clock_offset:
                if (read_early_ && scene.in_cycle() && scene.may_be_fresh()) {
                    scene.violate("L13", "a clock was read before its offset was computed anew",
                                  event.device);
                }
                offset_owed_ = false;  // a guest that is moved in mid-cycle computes it once more
                break;
            case EventKind::runstate_folded:
                see_runstate(scene, event);
                break;
            case EventKind::cycle_end:
                check_cycle(scene);
                break;
            default:
                break;
        }
    }

  private:
    void see_clock(Scene& scene, const TraceEvent& event) {
        if (left_ && scene.in_cycle() && scene.may_be_fresh() && scene.is_xen()) {
            if (!mapped_ && scene.sighted(Sight::hypercalls)) {
                scene.violate("L13", "a clock was read before shared_info was mapped again",
                              event.device);
            } else if (vcpus_owed_.contains(event.cpu)) {
                scene.violate("L13", "a clock was read from a vcpu_info that is not registered",
                              event.device);
            }
        }
        if (event.arg32 == kMonotonic) {
            see_monotonic(scene, event);
        } else if (event.arg32 == kWall) {
            wall_read_ = true;
            wall_known_ = true;
            if (event.arg64 == 0) {
                scene.violate("L22", "the wall clock reads 0", event.device);
            }
        }
    }

    void see_monotonic(Scene& scene, const TraceEvent& event) {
        if (last_ && event.arg64 < last_->arg64) {
            scene.violate(
                "L13",
                "the clock went back by " + std::to_string(last_->arg64 - event.arg64) + " ns",
                event.device);
        } else if (last_ && scene.view().frequency != 0 && event.ticks >= last_->ticks) {
            const uint64_t passed = to_ns(scene.view(), event.ticks - last_->ticks);
            const uint64_t clock = event.arg64 - last_->arg64;
            if (clock > passed + kLeapNs) {
                scene.violate("L13", "the clock leapt by " + std::to_string(clock - passed) + " ns",
                              event.device);
            } else if (!away_ && passed > clock + kLeapNs) {
                scene.violate("L13",
                              "the clock stood still for " + std::to_string(passed - clock) + " ns",
                              event.device);
            }
        }
        last_ = event;
        away_ = false;
    }

    void see_runstate(Scene& scene, const TraceEvent& event) {
        runstate_known_ = true;
        if (event.arg32 != 0) {
            ++folded_;
            if (!scene.in_cycle() || scene.outcome() != Outcome::resumed ||
                scene.evidence() == DomainEvidence::same) {
                scene.violate("L14", "stolen time was added though no counter began anew",
                              event.device);
            }
        }
        if (event.arg64 < stolen_) {
            scene.violate("L14", "stolen time went back", event.device);
        } else if (folded_at_ && scene.view().frequency != 0 && !scene.is_xen() &&
                   event.ticks >= *folded_at_ &&
                   event.arg64 - stolen_ > to_ns(scene.view(), event.ticks - *folded_at_)) {
            scene.violate("L14", "more time was stolen than has passed", event.device);
        }
        stolen_ = event.arg64;
        folded_at_ = event.ticks;
    }

    void check_cycle(Scene& scene) {
        if (scene.outcome() != Outcome::resumed || !left_) {
            return;
        }
        // A soft reset is a fresh domain whose counters go on: that one must not be added, and one
        // that was forgotten shows by stolen time going back.
        if (runstate_known_ && folded_ > 1) {
            scene.violate("L14", "stolen time was added " + std::to_string(folded_) + " times");
        }
        if (wall_known_ && !wall_read_) {
            scene.violate("L22", "the wall clock was not read again");
        }
    }

    std::optional<TraceEvent> last_;
    FlatSet<uint32_t> vcpus_;
    FlatSet<uint32_t> vcpus_owed_;
    uint64_t stolen_ = 0;
    std::optional<Ticks> folded_at_;
    uint32_t folded_ = 0;
    bool runstate_known_ = false;
    bool wall_known_ = false;
    bool wall_read_ = false;
    bool mapped_ = false;
    bool away_ = false;  ///< the guest was, since the last read of the monotonic clock
    bool left_ = false;
    bool offset_owed_ = false;  ///< since the guest was away
    bool read_early_ = false;   ///< before that
};

}  // namespace

std::unique_ptr<Rules> time_rules() {
    return std::make_unique<TimeRules>();
}

}  // namespace resume::oracle
