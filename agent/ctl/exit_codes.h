// What resumectl's exit codes mean; one table for all programs of the project.
#pragma once

namespace resume::agent {

inline constexpr int kExitGood = 0;
inline constexpr int kExitFinding = 1;       ///< a violation, a refusal, a warning
inline constexpr int kExitWorse = 2;         ///< doctor: unsafe
inline constexpr int kExitInconclusive = 3;  ///< unknown
inline constexpr int kExitUsage = 64;
inline constexpr int kExitUnreadable = 66;
inline constexpr int kExitNoAgent = 69;
inline constexpr int kExitOwnFault = 70;
inline constexpr int kExitTimedOut = 75;
inline constexpr int kExitNotAllowed = 77;

}  // namespace resume::agent
