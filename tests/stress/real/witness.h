// What must be the same after a cycle, and what the guest's kernel and its agent said of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
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
    std::string id, kind, outcome;
    int error = 0;
    std::string cause{};  ///< one line: who refused, and with what
};

/// nullopt for what is no report.
std::optional<AgentReport> report_from(std::string_view json);

/// Of an agent in the guest.
class Reports {
  public:
    virtual ~Reports() = default;
    /// Whether there is an agent to ask.
    [[nodiscard]] virtual bool here() const noexcept = 0;
    /// Reports of suspends so far are old ones.
    virtual void forget() = 0;
    /// The first one since forget(); nullopt when none comes in time.
    virtual std::optional<AgentReport> wait(std::chrono::milliseconds patience) = 0;
};

/// Where nobody can be asked.
class NoReports final : public Reports {
  public:
    [[nodiscard]] bool here() const noexcept override { return false; }
    void forget() override {}
    std::optional<AgentReport> wait(std::chrono::milliseconds) override { return std::nullopt; }
};

/// cycles.jsonl of an agent in this guest.
class AgentReports final : public Reports {
  public:
    /// An agent that has never run here has no folder: it is not asked then.
    explicit AgentReports(std::string folder);

    [[nodiscard]] bool here() const noexcept override { return here_; }
    void forget() override;
    std::optional<AgentReport> wait(std::chrono::milliseconds patience) override;

  private:
    std::optional<AgentReport> look();

    std::string folder_;
    bool here_ = false;
    agent::UniqueFd watch_;  ///< inotify, of the folder
    std::set<std::string> known_;
};

}  // namespace resume::stress::real
