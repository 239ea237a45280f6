// What must be the same after a cycle, and what the guest's kernel and its agent said of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/unique_fd.h"
#include "agent/doctor/inventory.h"
#include "agent/observe/kmsg.h"

namespace resume::stress::real {

/// Memory with a pattern in it.
class Pattern {
  public:
    Pattern(uint32_t mib, uint64_t seed);
    /// One line on the first word that is not what it was; empty when all are.
    [[nodiscard]] std::string problem() const;

  private:
    uint64_t seed_;
    std::vector<uint64_t> words_;
};

/// The kernel's messages, from when it was made.
class KernelLog {
  public:
    KernelLog();
    /// What has come since the last call, at most the last 200 lines.
    std::vector<std::string> take();

  private:
    agent::Kmsg kmsg_;
};

/// CPU features, disks, interfaces, memory: what the agent compares too.
class Devices {
  public:
    Devices();
    /// One line on what is lost or changed of what matters; empty when nothing is.
    [[nodiscard]] std::string problem() const;

  private:
    agent::doctor::Inventory before_;
};

struct AgentReport {
    std::string kind, outcome;
    int error = 0;
};

/// cycles.jsonl of an agent in this guest.
class AgentReports {
  public:
    /// An agent that has never run here has no folder: it is not asked then.
    explicit AgentReports(std::string folder);

    [[nodiscard]] bool here() const noexcept { return here_; }
    /// Reports of suspends so far are old ones.
    void forget();
    /// The first one since forget(); nullopt when none comes in time.
    std::optional<AgentReport> wait(std::chrono::milliseconds patience);

  private:
    std::optional<AgentReport> look();

    std::string folder_;
    bool here_ = false;
    agent::UniqueFd watch_;  ///< inotify, of the folder
    std::set<std::string> known_;
};

}  // namespace resume::stress::real
