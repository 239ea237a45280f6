// One line of a kernel's trace as text: power:suspend_resume, power:device_pm_callback_start and
// _end, in every shape that kernels and tools print them in.
//
//   sh-341     [001] .....    14.156675: suspend_resume: suspend_enter[3] begin
//   sh-341   ( 341) [001] d...1..  14.156675: ...               with thread group; RT's flags
//   [   26.154224] xenwatch-50   0..... 1556398us : ...         dumped to the console by an oops
//   sh 341 [001] 14.156675: power:suspend_resume: ...           as other tools print it
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace resume::agent {

enum class FtraceKind : uint8_t {
    foreign,  ///< nothing of ours
    garbled,  ///< names one of our events and cannot be read: something is missing
    step,     ///< suspend_resume
    callback_start,
    callback_end,
    lost,         ///< the ring dropped events here
    new_capture,  ///< the head of a trace
    counts,       ///< entries-in-buffer/entries-written
};

/// Views into the line that was read: gone with it.
struct FtraceLine {
    FtraceKind kind = FtraceKind::foreign;
    std::string_view task;  ///< name; a dump on the console cuts it to 8 characters
    int32_t pid = -1;
    uint32_t cpu = 0;
    uint64_t ns = 0;

    std::string_view action;  ///< step: "dpm_suspend"
    uint32_t value = 0;       ///< step: the number in brackets
    bool begin = false;       ///< step

    std::string_view device;  ///< callbacks: "driver device", as both of them print it
    std::string_view parent;  ///< callback_start
    std::string_view stage;   ///< callback_start: "noirq bus", empty in prepare and complete
    std::string_view verb;    ///< callback_start: "freeze"
    int32_t error = 0;        ///< callback_end

    uint64_t entries = 0;  ///< counts: in the buffer
    uint64_t written = 0;  ///< counts: ever; lost: how many, 0 when not said
};

[[nodiscard]] FtraceLine parse_ftrace_line(std::string_view line);

}  // namespace resume::agent
