// Are the disks alive? Passive: counters only. "Connected" on both sides of a frontend proves
// nothing (failure 53), so a disk is dead when requests are in flight and none of them completes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/act/frontends.h"
#include "agent/act/participant.h"
#include "agent/base/event_loop.h"
#include "agent/base/files.h"
#include "agent/observe/xenstore.h"

namespace resume::agent {

struct DiskCounters {
    uint64_t inflight = 0;
    uint64_t completed = 0;  ///< reads, writes, discards and flushes
};

/// Disks of /sys/block with a device behind them (no loop, ram, zram, dm), by name.
std::map<std::string, DiskCounters> read_disks(const Root& root);

/// Requests in flight at both moments and nothing completed between them.
std::vector<std::string> stuck_disks(const std::map<std::string, DiskCounters>& before,
                                     const std::map<std::string, DiskCounters>& after);

class DiskParticipant final : public Participant {
  public:
    /// `store` may be null.
    DiskParticipant(Cycle& cycle, EventLoop& loop, const Root& root, GuestStore* store);

    /// Takes the frontends as they are now for good: nothing is going on.
    void remember();

    /// How long a request may be in flight without a completion.
    static constexpr std::chrono::milliseconds kPatience{2000};
    static constexpr std::chrono::milliseconds kLook{100};

  protected:
    void after(Outcome outcome, Done done) override;

  private:
    void look(Done done);
    void tell(Done done);
    [[nodiscard]] bool has_store() const;
    void name_dead(const std::map<std::string, Frontend>& now,
                   const std::map<std::string, DiskCounters>& disks);
    /// "xvdc" for "vbd/51744"; empty for what is no disk.
    [[nodiscard]] std::string disk_of(const std::string& frontend) const;

    EventLoop& loop_;
    Root root_;
    GuestStore* store_;
    std::map<std::string, Frontend> known_{};
    std::map<std::string, DiskCounters> first_{};
    int looks_ = 0;
};

}  // namespace resume::agent
