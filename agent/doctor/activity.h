// What a guest is doing at one moment: requests in flight, tasks that cannot be frozen. Two looks,
// a moment apart, tell what hangs from what is merely busy.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/doctor/processes.h"
#include "agent/doctor/root.h"

namespace resume::agent::doctor {

struct DiskLook {
    long long in_flight = 0;
    std::string completed;  ///< the counters of finished reads, writes, discards, flushes
};

struct Activity {
    std::map<std::string, DiskLook> disks;
    std::vector<StuckTask> tasks;
    /// There is something that a second look could find hanging.
    [[nodiscard]] bool busy() const;
};

Activity look_at_activity(const Root& root);

}  // namespace resume::agent::doctor
