// Numbers of the Linux kernel that stand in brackets in suspend_resume events
// (include/linux/pm.h: PM_EVENT_*; include/linux/suspend.h: PM_SUSPEND_*).
#pragma once

#include <cstdint>
#include <string_view>

namespace resume::agent {

inline constexpr uint32_t kPmFreeze = 1;
inline constexpr uint32_t kPmSuspend = 2;
inline constexpr uint32_t kPmHibernate = 4;
inline constexpr uint32_t kPmQuiesce = 8;
inline constexpr uint32_t kPmResume = 16;
inline constexpr uint32_t kPmThaw = 32;
inline constexpr uint32_t kPmRestore = 64;
inline constexpr uint32_t kPmRecover = 128;

inline constexpr uint32_t kSuspendToIdle = 1;

/// The word that callbacks carry for an event (drivers/base/power/main.c: pm_verb).
[[nodiscard]] constexpr std::string_view verb_of(uint32_t event) {
    switch (event) {
        case kPmFreeze:
            return "freeze";
        case kPmSuspend:
            return "suspend";
        case kPmHibernate:
            return "hibernate";
        case kPmQuiesce:
            return "quiesce";
        case kPmResume:
            return "resume";
        case kPmThaw:
            return "thaw";
        case kPmRestore:
            return "restore";
        case kPmRecover:
            return "recover";
        default:
            return {};
    }
}

/// dpm_resume_noirq, dpm_resume_early, dpm_resume, dpm_complete.
[[nodiscard]] constexpr bool is_up_phase(std::string_view action) {
    return action.substr(0, 10) == "dpm_resume" || action == "dpm_complete";
}
/// dpm_prepare, dpm_suspend, dpm_suspend_late, dpm_suspend_noirq.
[[nodiscard]] constexpr bool is_down_phase(std::string_view action) {
    return action.substr(0, 11) == "dpm_suspend" || action == "dpm_prepare";
}
/// The phase opposite, empty for what is no phase.
[[nodiscard]] constexpr std::string_view mirror_phase(std::string_view action) {
    constexpr std::string_view kPairs[][2] = {{"dpm_prepare", "dpm_complete"},
                                              {"dpm_suspend", "dpm_resume"},
                                              {"dpm_suspend_late", "dpm_resume_early"},
                                              {"dpm_suspend_noirq", "dpm_resume_noirq"},
                                              {"syscore_suspend", "syscore_resume"}};
    for (const auto& pair : kPairs) {
        if (action == pair[0]) {
            return pair[1];
        }
        if (action == pair[1]) {
            return pair[0];
        }
    }
    return {};
}

}  // namespace resume::agent
