// The kernel's counters of suspends (/sys/power/suspend_stats). They do not move on the Xen path,
// and `last_failed_*` may be left over from an earlier failure: only what changed across a cycle
// counts.
#pragma once

#include <cstdint>
#include <string>

#include "agent/base/files.h"
#include "agent/observe/source.h"

namespace resume::agent {

struct SuspendStats {
    bool available = false;
    int64_t success = 0;
    int64_t fail = 0;
    int64_t failed_freeze = 0;
    int64_t failed_prepare = 0;
    int64_t failed_suspend = 0;
    int64_t failed_suspend_late = 0;
    int64_t failed_suspend_noirq = 0;
    std::string last_failed_dev{};
    std::string last_failed_step{};
    int64_t last_failed_errno = 0;

    [[nodiscard]] SourceState state() const;
};

SuspendStats read_suspend_stats(const Root& root);

struct StatsChange {
    int64_t successes = 0;
    int64_t failures = 0;
    std::string step{};    ///< the step whose own counter moved; empty when none did
    std::string device{};  ///< only when a device counter moved
    int error = 0;         ///< positive errno; 0 when stale
};
StatsChange change_between(const SuspendStats& before, const SuspendStats& after);

}  // namespace resume::agent
