// What happened when no suspend did: a pause, a restore that the guest slept through, a set clock.
#pragma once

#include <optional>

#include "agent/observe/evidence.h"
#include "libresume/oracle/cycle_report.h"

namespace resume::agent {

/// How far REALTIME fell behind the reference clock, beyond what resolution and drift explain.
/// nullopt: not at all, or it cannot be told.
std::optional<int64_t> lost_time_ns(const Snapshot& before, const Snapshot& after);

/// A record of kind pause, restore or clock-step; nullopt when the evidence is of nothing.
/// id and sources are left to the caller.
std::optional<oracle::CycleReport> judge_unannounced(const Evidence& evidence);

}  // namespace resume::agent
