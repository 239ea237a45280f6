// `resumectl doctor`: is this guest safe to suspend. Gathers the facts, runs the checks, and says
// the result as text, as one JSON line, and as the node data/resume/doctor.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/doctor/checks.h"
#include "agent/doctor/finding.h"

namespace resume::agent::doctor {

/// Where the machine's owner puts more rows.
inline constexpr const char* kMoreKnownBad = "/etc/libresume/known-bad.d";

/// What the command line asks for; also what the daemon fills in to ask about its own guest.
struct Request {
    Root root = Root::live();
    Cpuid cpuid = live_cpuid();
    std::string kernel;                ///< --kernel: one that does not run
    std::string os_release;            ///< text of --os-release; empty: the root's own
    std::optional<Platform> platform;  ///< --platform
    std::optional<pid_t> pid;          ///< --pid
    /// Text of --changelog; without a value, the changelog of the kernel's package is looked for.
    std::optional<std::string> changelog;
    std::filesystem::path table;  ///< installed table; empty: the built-in place
    std::filesystem::path table_more = kMoreKnownBad;
    std::function<void()> settle;  ///< this and the rest: as in Context
    std::optional<Activity> earlier;
    std::optional<PoisonedPages> poison;
    std::function<std::optional<std::string>(std::string_view)> store;
};

struct Diagnosis {
    Verdict verdict = Verdict::ok;
    PlatformFacts platform;
    std::vector<Kernel> kernels;
    std::vector<Finding> findings;
};

Diagnosis diagnose(const Request& request);

/// One JSON object without a newline inside; schema "doctor-1".
std::string to_json(const Diagnosis& diagnosis);
/// For a person: bad findings first with what to do, then the rest, a line each; ends in the
/// verdict.
std::string to_text(const Diagnosis& diagnosis);

/// Where the table is installed.
std::filesystem::path installed_table();

}  // namespace resume::agent::doctor
