// `resume-stress real`: what a real guest is taken through, and what counts as a failure.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace resume::stress::real {

enum class Method : uint8_t { pm_test, s3, s2idle, qmp, xen, command };

/// What may happen to a guest from outside: to one of QEMU's the first five, to one of Xen's the
/// others. `move` is a migration in which the guest stands still.
enum class Act : uint8_t { stop, migrate, move, cancel, snapshot, fast, inplace, restore };
const char* name_of(Act act) noexcept;

struct MixRow {
    Act act = Act::stop;
    uint32_t weight = 1;
};

/// Milliseconds, both ends included; drawn anew for every cycle.
struct Span {
    uint32_t least = 0;
    uint32_t most = 0;
};

/// Failures whose words match are known and let off while they stay rare.
struct Flake {
    std::string pattern;  ///< ECMAScript
    double percent = 0;   ///< of all cycles, at most
};

struct Options {
    Method method = Method::pm_test;
    std::string level = "devices";  ///< pm-test: as in /sys/power/pm_test
    uint64_t cycles = 100;
    uint64_t seed = 1;
    Span asleep_ms{1000, 3000};
    Span awake_ms{0, 500};
    std::string socket;            ///< qmp: QEMU's control socket
    std::string domain;            ///< xen: its name or id
    std::vector<MixRow> mix;       ///< qmp, xen: what is drawn from, by weight
    Span cancel_percent{5, 80};    ///< qmp: how far a migration is when it is called back
    std::string incoming_command;  ///< qmp: starts the QEMU that a migration goes to
    std::string cycle_command;     ///< method cmd: takes the guest through one cycle
    std::string reset_command;     ///< makes it stand again after one that failed
    std::string before;  ///< shell commands around each cycle; a status but 0 is a failure
    std::string after;
    std::string check;
    std::chrono::milliseconds patience{};  ///< for each command
    std::vector<Flake> flakes;
    uint32_t memory_mib = 16;                             ///< filled and compared; 0: none
    std::string reports_folder = "/var/lib/libresume";    ///< of an agent, where one runs
    std::string state_file = "/run/resume-stress.state";  ///< the plan on disk
    bool json = false;
    std::string junit_file;
};

const char* name_of(Method method) noexcept;
/// The guest is not the machine that this program runs on.
bool is_elsewhere(Method method) noexcept;

/// The words of the command line that still have to be understood.
struct Words {
    std::string method, asleep, awake, mix, cancel_at, may_break;
    uint32_t patience_s = 120;
    std::vector<std::string> flakes;
};

void add_options(CLI::App& command, Options& options, Words& words);
/// Throws CLI::ValidationError, naming the option and what is wrong with it.
void settle(Options& options, const Words& words);

}  // namespace resume::stress::real
