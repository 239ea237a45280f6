// The processes of a running system, read from /proc once.
#pragma once

#include <string>
#include <vector>

#include "agent/doctor/root.h"

namespace resume::agent::doctor {

struct Process {
    int pid = 0;
    std::string name;  ///< comm, at most 15 bytes by the kernel
};

/// All processes, by pid; at most 65,536.
std::vector<Process> processes(const Root& root);

/// A user task in uninterruptible sleep. Two looks that give equal values: it has not moved.
struct StuckTask {
    int pid = 0;
    int tid = 0;
    std::string name;
    std::string wait_channel;  ///< kernel function it waits in; empty when the kernel hides it
    std::string switches;      ///< context switches so far: unchanged means never run since
    bool operator==(const StuckTask& other) const {
        return tid == other.tid && switches == other.switches && name == other.name;
    }
};

/// User tasks in state D, now.
std::vector<StuckTask> uninterruptible_tasks(const Root& root);

}  // namespace resume::agent::doctor
