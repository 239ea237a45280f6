// A shell command with a deadline.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace resume::stress::real {

struct CommandResult {
    int status = 0;  ///< as a shell says it: 128 + the signal for one that was killed
    bool timed_out = false;
    std::string output;  ///< both streams, at most the first 4 KiB
    std::string error;   ///< it could not be run at all

    [[nodiscard]] bool good() const { return error.empty() && !timed_out && status == 0; }
    /// "status 3: its first line", "no end after 120 s".
    [[nodiscard]] std::string text() const;
};

/// Runs `sh -c command` in a process group of its own, which is killed at the deadline. What it
/// leaves in the background goes on. The time is MONOTONIC: a sleep in the middle does not count.
CommandResult run_shell(const std::string& command, const std::vector<std::string>& environment,
                        std::chrono::milliseconds patience);

}  // namespace resume::stress::real
