// The plan on disk: what a run has done and is about to do, so that one that is killed, or whose
// guest dies, is gone on with, and so that pm_test is put back by whoever comes next.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/stress/real/options.h"

namespace resume::stress::real {

struct Failure {
    uint64_t cycle = 0;
    std::string what{};  ///< one line
    bool crash = false;
    bool known = false;              ///< a flake
    std::vector<std::string> log{};  ///< the kernel's, of that cycle
};

struct State {
    std::string campaign;  ///< method, level, seed and cycles: another one does not go on with it
    std::string boot_id;
    std::string pm_test_was;  ///< of /sys/power/pm_test; empty: not touched
    std::string socket;       ///< qmp: of the QEMU that has the guest now
    uint64_t bandwidth = 0;   ///< qmp: bytes a second that a migration may take, as it was found
    uint64_t begun = 0;       ///< cycles; the probe is number 0 and is not counted
    uint64_t ended = 0;
    bool probed = false;
    uint64_t reported = 0;  ///< by an agent
    std::map<std::string, uint64_t> outcomes;
    std::vector<Failure> failures;
};

/// Throws UnusableFile (named, with the reason) when there is a file that cannot be understood;
/// an empty state where there is none.
State read_state(const std::string& path);
/// On disk when it returns. Throws std::runtime_error.
void write_state(const std::string& path, const State& state);

std::string campaign_of(const Options& options);

}  // namespace resume::stress::real
