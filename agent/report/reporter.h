// Where a report goes: to the log on disk first, then to the journal, the store and the metrics.
#pragma once

#include <deque>
#include <string>

#include "agent/base/files.h"
#include "agent/config/config.h"
#include "agent/report/cycle_log.h"
#include "agent/report/journal.h"
#include "agent/report/metrics.h"
#include "agent/report/store_publisher.h"
#include "libresume/oracle/cycle_report.h"

namespace resume::agent {

class Reporter {
  public:
    /// `publisher` may be null: no store.
    Reporter(const Root& root, const Config& config, StorePublisher* publisher);

    /// Gives the report its id: boot id, a counter that survives a restart of the agent, and random
    /// bits, since clones of one snapshot share the other two.
    void name(oracle::CycleReport& report);
    /// An announced suspend begins: the store says so.
    void going_down();
    /// Sends the report everywhere, and says that the guest is up. What fails is logged and does
    /// not stop the rest.
    void publish(const oracle::CycleReport& report);

    /// Counts so far, where report.metrics_dir wants them; publish() does it too.
    void write_metrics() const;

    /// Without its devices, as cycles.jsonl has it otherwise; empty before the first.
    [[nodiscard]] const std::string& last_line() const noexcept { return last_line_; }
    [[nodiscard]] uint64_t count() const noexcept { return count_; }

  private:
    void write_journal(const oracle::CycleReport& report);

    const Config& config_;
    std::string boot_id_{};
    std::string counter_path_{};
    uint64_t counter_ = 0;
    uint64_t count_ = 0;
    CycleLog log_;
    Journal journal_;
    Metrics metrics_{};
    StorePublisher* publisher_;
    std::string last_line_{};
};

/// "s3 resumed in 1.234 s", "s3 aborted in suspend: alarmtimer (EBUSY)": one line for people.
std::string one_line(const oracle::CycleReport& report);

/// RFC 3339 in UTC, with milliseconds.
std::string rfc3339(int64_t realtime_ns);

}  // namespace resume::agent
