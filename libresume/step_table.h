// The rows of the way down and their mirrors, checked when it compiles. The engine walks it; the
// mutation tests hand it a broken one. The oracle restates the order in its own words and never
// includes this file.
#pragma once

#include "libresume/terms.h"

namespace resume {
inline namespace v0 {

/// In which order a phase walks the devices.
enum class Walk : uint8_t { none, parents_first, children_first, by_rank, by_rank_reversed };

struct StepRow {
    Step down;
    Step up;
    Phase down_phase;
    Phase up_phase;
    Walk down_walk;
    Walk up_walk;
    bool thread;    ///< hooks may wait
    bool may_fail;  ///< on the way down; nothing may on the way up
    /// For the mutation tests only: both steps are traced, neither is done.
    bool liar = false;
};

inline constexpr uint8_t kStepRowCount = 10;

/// `rows` in the order of the way down; `enter` stands below the last.
struct StepTable {
    StepRow rows[kStepRowCount];
    uint8_t count = kStepRowCount;
};

inline constexpr StepTable kStepTable = {{
    {Step::prepare, Step::complete, Phase::prepare, Phase::complete, Walk::parents_first,
     Walk::children_first, true, true},
    {Step::freeze_tasks, Step::thaw_tasks, Phase::none, Phase::none, Walk::none, Walk::none, true,
     true},
    {Step::suspend, Step::resume, Phase::suspend, Phase::resume, Walk::children_first,
     Walk::parents_first, true, true},
    {Step::close_store, Step::open_store, Phase::none, Phase::none, Walk::none, Walk::none, true,
     true},
    {Step::suspend_late, Step::resume_early, Phase::suspend_late, Phase::resume_early,
     Walk::children_first, Walk::parents_first, true, true},
    {Step::mask_device_irqs, Step::unmask_device_irqs, Phase::none, Phase::none, Walk::none,
     Walk::none, false, false},
    {Step::suspend_noirq, Step::resume_noirq, Phase::suspend_noirq, Phase::resume_noirq,
     Walk::children_first, Walk::parents_first, false, true},
    {Step::park_vcpus, Step::unpark_vcpus, Phase::none, Phase::none, Walk::none, Walk::none, false,
     true},
    {Step::disable_irqs, Step::enable_irqs, Phase::none, Phase::none, Walk::none, Walk::none, false,
     false},
    {Step::syscore_suspend, Step::syscore_resume, Phase::syscore_suspend, Phase::syscore_resume,
     Walk::by_rank_reversed, Walk::by_rank, false, true},
}};

/// Mirrors stand opposite each other in Step's own order, and opposite walks mirror.
consteval bool well_formed(const StepTable& table) {
    for (uint8_t i = 0; i < table.count; ++i) {
        const StepRow& row = table.rows[i];
        const auto down = static_cast<uint8_t>(row.down);
        const auto up = static_cast<uint8_t>(row.up);
        if (down != i + 1 || down + up != kStepCount) {
            return false;
        }
        if ((row.down_phase == Phase::none) != (row.up_phase == Phase::none)) {
            return false;
        }
        const bool opposite =
            (row.down_walk == Walk::none && row.up_walk == Walk::none) ||
            (row.down_walk == Walk::parents_first && row.up_walk == Walk::children_first) ||
            (row.down_walk == Walk::children_first && row.up_walk == Walk::parents_first) ||
            (row.down_walk == Walk::by_rank_reversed && row.up_walk == Walk::by_rank);
        if (!opposite) {
            return false;
        }
    }
    return true;
}

static_assert(well_formed(kStepTable), "a step has no mirror opposite it");

}  // namespace v0
}  // namespace resume
