// Cuts a kernel's trace into cycles, line by line and in bounded memory: a cycle is handed out
// when it ends and forgotten. Foreign lines are let be; several captures and cycles may follow one
// another.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/observe/ftrace_line.h"
#include "agent/observe/kernel_cycle.h"

namespace resume::agent {

struct FtraceLimits {
    size_t callbacks = 400'000;    ///< a cycle
    size_t spans = 4096;           ///< a cycle
    size_t open_callbacks = 1024;  ///< running at the same time
};

class FtraceReader {
  public:
    using Sink = std::function<void(KernelCycle&&)>;

    explicit FtraceReader(Sink sink, FtraceLimits limits = {})
        : sink_{std::move(sink)}, limits_{limits} {}

    /// One line without its newline; true when it was part of a kernel's trace.
    bool line(std::string_view text, uint64_t number);
    /// The input is over: what stands open is handed out as it is.
    void finish();

    [[nodiscard]] bool saw_anything() const { return captures_ != 0 || events_ != 0; }
    [[nodiscard]] uint64_t events() const { return events_; }
    /// Somewhere outside of every cycle events were lost: a cycle may be missing.
    [[nodiscard]] bool lost_between() const { return lost_pending_; }

  private:
    void new_capture();
    void open(uint64_t line, bool headless);
    void close();
    void step(const FtraceLine& line, uint64_t number);
    void begin_step(const FtraceLine& line, uint64_t number);
    void end_step(const FtraceLine& line, uint64_t number);
    void begin_callback(const FtraceLine& line, uint64_t number);
    void end_callback(const FtraceLine& line, uint64_t number);
    void add_failure(const FtraceLine& line);
    bool read_log(std::string_view text);
    [[nodiscard]] bool starts_anew(const FtraceLine& line) const;
    [[nodiscard]] uint32_t current_phase() const;

    Sink sink_;
    FtraceLimits limits_;
    std::optional<KernelCycle> cycle_;
    std::vector<uint32_t> open_callbacks_;
    LogHints pending_hints_;
    uint64_t captures_ = 0;
    uint64_t events_ = 0;
    uint64_t order_ = 0;
    bool closing_ = false;  ///< thawed, only the end of a failed freeze may follow
    bool lost_pending_ = false;
    bool wants_task_name_ = false;
};

}  // namespace resume::agent
