// Which hook a phase means, and how it is called. The phase of a walk never changes, so these
// switches cost a predicted branch.
#pragma once

#include "libresume/driver.h"

namespace resume {
inline namespace v0 {

/// The phase of the way down that `phase` belongs to: itself or its mirror.
[[nodiscard]] constexpr Phase down_phase_of(Phase phase) noexcept {
    const auto index = static_cast<uint8_t>(phase);
    const auto down = index <= static_cast<uint8_t>(Phase::syscore_suspend)
                          ? index
                          : static_cast<uint8_t>(kPhaseCount - index);
    return static_cast<Phase>(down);
}
static_assert(down_phase_of(Phase::complete) == Phase::prepare);
static_assert(down_phase_of(Phase::resume) == Phase::suspend);
static_assert(down_phase_of(Phase::syscore_resume) == Phase::syscore_suspend);

[[nodiscard]] inline bool has_hook(const DriverOps& ops, Phase phase) noexcept {
    switch (phase) {
        case Phase::prepare:
            return ops.prepare != nullptr;
        case Phase::suspend:
            return ops.suspend != nullptr;
        case Phase::suspend_late:
            return ops.suspend_late != nullptr;
        case Phase::suspend_noirq:
            return ops.suspend_noirq != nullptr;
        case Phase::syscore_suspend:
            return ops.syscore_suspend != nullptr;
        case Phase::syscore_resume:
            return ops.syscore_resume != nullptr;
        case Phase::resume_noirq:
            return ops.resume_noirq != nullptr;
        case Phase::resume_early:
            return ops.resume_early != nullptr;
        case Phase::resume:
            return ops.resume != nullptr;
        case Phase::complete:
            return ops.complete != nullptr;
        case Phase::none:
            break;
    }
    return false;
}

/// Calls a hook of a thread phase.
[[nodiscard]] inline Progress call_thread_hook(Device& device, const DriverOps& ops,
                                               ThreadContext& context, Phase phase,
                                               Outcome outcome) noexcept {
    switch (phase) {
        case Phase::prepare:
            return ops.prepare(device, context);
        case Phase::suspend:
            return ops.suspend(device, context);
        case Phase::suspend_late:
            return ops.suspend_late(device, context);
        case Phase::resume_early:
            return ops.resume_early(device, context, outcome);
        case Phase::resume:
            return ops.resume(device, context, outcome);
        default:
            RESUME_ASSERT(phase == Phase::complete);
            return ops.complete(device, context, outcome);
    }
}

}  // namespace v0
}  // namespace resume
