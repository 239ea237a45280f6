// The course of any life: the guest boots, goes through its plan's cycles, has to be whole at their
// end, and is judged.
#pragma once

#include <utility>

#include "tests/stress/campaign/chooser.h"
#include "tests/stress/campaign/judging.h"

namespace resume::stress {

/// `StageOf`: Stage or KvmStage. What the guest has to do in a cycle, and what is wrong with that,
/// is its life's to say.
template <class StageOf>
class Course {
  public:
    Course(const LifePlan& plan, Chooser* chooser)
        : plan_{plan}, chooser_{chooser}, stage_{plan, chooser} {}
    Course(const Course&) = delete;
    Course& operator=(const Course&) = delete;
    virtual ~Course() = default;

    LifeResult run(bool keep_trace) {
        if (const auto trouble = stage_.begin()) {
            find(Finding::Kind::crash, "boot", *trouble);
        }
        bool goes_on = !result_.finding;
        for (uint32_t i = 0; goes_on && i < plan_.cycles.size(); ++i) {
            cycle_ = i + 1;
            listen(true);
            goes_on = cycle(plan_.cycles[i]);
            listen(false);
        }
        if (goes_on) {
            cycle_ = static_cast<uint32_t>(plan_.cycles.size()) + 1;
            if (const auto trouble = trouble_afterwards(stage_)) {
                find(Finding::Kind::liveness, trouble->id, trouble->detail);
            }
        }
        judge_trace(stage_.guest().view(), judged_events_, keep_trace, result_);
        return std::move(result_);
    }

  protected:
    /// False when the life ends with it.
    virtual bool cycle(const PlannedCycle& planned) = 0;

    /// The first of what is wrong stands.
    void find(Finding::Kind kind, const std::string& id, const std::string& detail) {
        if (!result_.finding) {
            result_.finding = Finding{kind, id, detail, "", cycle_};
        }
    }
    void reached(const char* state, bool yes = true) {
        if (yes) {
            Tally::count(result_.tally.rare, state);
        }
    }

    [[nodiscard]] const LifePlan& plan() const { return plan_; }
    [[nodiscard]] StageOf& stage() { return stage_; }
    [[nodiscard]] LifeResult& result() { return result_; }
    [[nodiscard]] uint32_t cycle_number() const { return cycle_; }
    /// What comes after is owed to a fault that the guest told of.
    void judge_only(size_t events) { judged_events_ = events; }

  private:
    void listen(bool on) {
        if (chooser_ != nullptr) {
            chooser_->listen(on);
        }
    }

    const LifePlan& plan_;
    Chooser* const chooser_;
    StageOf stage_;
    uint32_t cycle_ = 0;
    size_t judged_events_ = SIZE_MAX;
    LifeResult result_;
};

}  // namespace resume::stress
