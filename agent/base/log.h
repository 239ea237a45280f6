// The agent's log: to stderr, with the journal's priority prefix. While file systems are frozen a
// line could block for ever, so it is kept in memory that was set aside before, and written after.
#pragma once

#include <string_view>

namespace resume::agent {

/// syslog's numbers, as the journal reads them from "<N>".
enum class LogLevel : int { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

/// Lines above `most` are dropped. `prefixed`: write "<N>" (under systemd).
void configure_log(LogLevel most, bool prefixed) noexcept;
/// printf's format; one line, cut at 1 KiB.
[[gnu::format(printf, 2, 3)]] void log(LogLevel level, const char* format, ...) noexcept;

/// Between hold and release no line leaves the process; what does not fit 16 KiB is counted.
void hold_log() noexcept;
void release_log() noexcept;

}  // namespace resume::agent
