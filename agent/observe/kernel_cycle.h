// One cycle of a real kernel, as its trace tells it: spans of steps, callbacks of devices.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace resume::agent {

/// Strings of a cycle, each once. Bounded: what does not fit any more is name 0, "?".
class Names {
  public:
    Names() { add("?"); }
    uint32_t add(std::string_view text);
    [[nodiscard]] const std::string& at(uint32_t index) const { return texts_[index]; }

  private:
    std::vector<std::string> texts_;
    std::unordered_map<std::string, uint32_t> index_;
};

/// begin .. end of one suspend_resume action.
struct Span {
    uint32_t action = 0;  ///< name
    uint32_t value = 0;
    uint32_t task = 0;  ///< name
    int32_t pid = -1;
    uint64_t begin_ns = 0;
    uint64_t end_ns = 0;
    bool ended = false;
    uint64_t begin_order = 0;  ///< place among all events of the cycle
    uint64_t end_order = 0;
};

/// No span: the callback ran outside of every dpm_* step.
inline constexpr uint32_t kNoSpan = UINT32_MAX;

struct Callback {
    uint32_t device = 0;  ///< name: "driver device", the key that start and end share
    uint32_t parent = 0;  ///< name of the parent device alone
    uint32_t stage = 0;   ///< name: "noirq bus"
    uint32_t verb = 0;    ///< name: "freeze"
    uint32_t span = kNoSpan;
    int32_t pid = -1;
    uint32_t cpu = 0;
    uint64_t begin_ns = 0;
    uint64_t end_ns = 0;
    bool started = true;  ///< its start was seen; else only that it failed
    bool ended = false;
    int32_t error = 0;
    uint64_t begin_order = 0;
    uint64_t end_order = 0;
};

/// What the kernel's log, where it stands between the lines of the trace, adds.
struct LogHints {
    std::string task;  ///< who refused to freeze
    bool freeze_failed = false;
    bool freeze_aborted = false;  ///< a wake-up, not a task
    bool pm_test = false;         ///< "suspend debug: Waiting for"
};

struct KernelCycle {
    Names names;
    std::vector<Span> spans;
    std::vector<Callback> callbacks;
    LogHints hints;
    uint64_t first_line = 0;
    uint64_t last_line = 0;
    uint64_t unmatched_ends = 0;  ///< ends of callbacks that never began
    uint64_t over_limit = 0;      ///< events that no longer fitted the bounds
    bool thawed = false;          ///< thaw_processes ended
    bool headless = false;        ///< its beginning is missing
    bool lost = false;            ///< the ring dropped events in or before it
    bool garbled = false;         ///< a line of it could not be read
    bool superseded = false;      ///< the next cycle began before this one ended

    [[nodiscard]] const Span* find(std::string_view action) const;
    [[nodiscard]] const Span* last(std::string_view action) const;
    [[nodiscard]] bool has(std::string_view action) const { return find(action) != nullptr; }
    [[nodiscard]] const std::string& name(uint32_t index) const { return names.at(index); }
    [[nodiscard]] const std::string& action(const Span& span) const { return name(span.action); }
};

/// The device's own name out of "driver device": drivers' names may have blanks in them.
[[nodiscard]] std::string device_name(const std::string& key);

}  // namespace resume::agent
