// P5, P7: who unwinds what, step by step, and one transition at a time.
#include "libresume/oracle/families.h"

#include <vector>

namespace resume::oracle {
namespace {

/// The way down, and what undoes each part of it. Our own words, on purpose.
struct Pair {
    Step down;
    Step up;
};
constexpr Pair kWay[] = {
    {Step::prepare, Step::complete},
    {Step::freeze_tasks, Step::thaw_tasks},
    {Step::suspend, Step::resume},
    {Step::close_store, Step::open_store},
    {Step::suspend_late, Step::resume_early},
    {Step::mask_device_irqs, Step::unmask_device_irqs},
    {Step::suspend_noirq, Step::resume_noirq},
    {Step::park_vcpus, Step::unpark_vcpus},
    {Step::disable_irqs, Step::enable_irqs},
    {Step::syscore_suspend, Step::syscore_resume},
};
constexpr size_t kWayLength = sizeof kWay / sizeof *kWay;

/// s2idle leaves the CPUs alone: its way ends above them.
size_t way_of(Kind kind) {
    size_t length = 0;
    while (length < kWayLength && (kind != Kind::s2idle || kWay[length].down != Step::park_vcpus)) {
        ++length;
    }
    return length;
}

class StepRules final : public Rules {
  public:
    [[nodiscard]] KindSet wants() const override {
        using K = EventKind;
        return KindSet{K::cycle_begin, K::step_begin, K::step_end, K::cycle_end};
    }
    void see(Scene& scene, const TraceEvent& event) override {
        const auto step = static_cast<Step>(event.arg32);
        switch (event.kind) {
            case EventKind::cycle_begin:
                if (in_cycle_) {
                    scene.violate("P7", "a cycle began inside another");
                }
                in_cycle_ = true;
                open_ = Step::none;
                reached_ = 0;
                length_ = way_of(static_cast<Kind>(event.status));
                owed_.clear();
                break;
            case EventKind::step_begin:
                begin(scene, step);
                break;
            case EventKind::step_end:
                end(scene, step, event.status);
                break;
            case EventKind::cycle_end:
                in_cycle_ = false;
                for (const Owed& owed : owed_) {
                    if (owed.must) {
                        scene.violate("P5", std::string{name_of(owed.up)} +
                                                " never undid what was done on the way down");
                    }
                }
                break;
            default:
                break;
        }
    }

  private:
    struct Owed {
        Step up;
        bool must;  ///< a step that failed may or may not have something to undo
    };

    void begin(Scene& scene, Step step) {
        if (!in_cycle_) {
            scene.violate("P7", std::string{name_of(step)} + " outside of a cycle");
            return;
        }
        if (open_ != Step::none) {
            scene.violate("P5", std::string{name_of(step)} + " began inside " + name_of(open_));
        }
        open_ = step;
        if (step == Step::enter) {
            if (reached_ != length_) {
                scene.violate("P5", std::string{"the guest went down without "} +
                                        name_of(kWay[reached_].down));
            }
        } else if (is_up(step)) {
            undo(scene, step);
        } else if (reached_ == length_ || kWay[reached_].down != step) {
            scene.violate("P5", std::string{name_of(step)} + " is not what comes next");
            catch_up(step);
        }
    }

    /// After a complaint: goes on from the step that was seen.
    void catch_up(Step step) {
        for (size_t i = 0; i < kWayLength; ++i) {
            if (kWay[i].down == step) {
                reached_ = i;
            }
        }
    }

    void undo(Scene& scene, Step step) {
        while (!owed_.empty() && owed_.back().up != step && !owed_.back().must) {
            owed_.pop_back();
        }
        if (!owed_.empty() && owed_.back().up == step) {
            owed_.pop_back();
            return;
        }
        scene.violate("P5", std::string{name_of(step)} + " is not what is to be undone next");
        for (size_t i = owed_.size(); i > 0; --i) {
            if (owed_[i - 1].up == step) {
                owed_.erase(owed_.begin() + static_cast<std::ptrdiff_t>(i - 1));
                return;
            }
        }
    }

    void end(Scene& scene, Step step, int32_t status) {
        if (open_ != step) {
            scene.violate(
                "P5", std::string{name_of(step)} + " ended where " + name_of(open_) + " was open");
        }
        open_ = Step::none;
        if (step == Step::enter || is_up(step) || reached_ == length_) {
            return;
        }
        owed_.push_back({kWay[reached_].up, status == 0});
        ++reached_;
    }

    bool in_cycle_ = false;
    Step open_ = Step::none;
    size_t reached_ = 0;
    size_t length_ = kWayLength;  ///< of this cycle's way
    std::vector<Owed> owed_;
};

}  // namespace

std::unique_ptr<Rules> step_rules() {
    return std::make_unique<StepRules>();
}

}  // namespace resume::oracle
