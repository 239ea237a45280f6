#include "agent/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

namespace resume::agent {

namespace {

struct LogState {
    LogLevel most = LogLevel::info;
    bool prefixed = false;
    bool held = false;
    unsigned dropped = 0;
    size_t used = 0;
    char ring[16UL * 1024];
};
LogState state;  // zero-initialised memory, so that holding allocates nothing

void put(const char* line, size_t size) noexcept {
    if (!state.held) {
        // A log that cannot be written must not stop the agent.
        [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line, size);
        return;
    }
    if (state.used + size > sizeof state.ring) {
        ++state.dropped;
        return;
    }
    memcpy(state.ring + state.used, line, size);
    state.used += size;
}

}  // namespace

void configure_log(LogLevel most, bool prefixed) noexcept {
    state.most = most;
    state.prefixed = prefixed;
}

void log(LogLevel level, const char* format, ...) noexcept {
    if (static_cast<int>(level) > static_cast<int>(state.most)) {
        return;
    }
    char line[1024];
    size_t used = 0;
    if (state.prefixed) {
        line[used++] = '<';
        line[used++] = static_cast<char>('0' + static_cast<int>(level));
        line[used++] = '>';
    }
    va_list arguments;
    va_start(arguments, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): clang 14 does not see va_start
    const int wanted = vsnprintf(line + used, sizeof line - used - 1, format, arguments);
    va_end(arguments);
    if (wanted < 0) {
        return;
    }
    used += static_cast<size_t>(wanted);
    if (used > sizeof line - 2) {
        used = sizeof line - 2;
    }
    line[used++] = '\n';
    put(line, used);
}

void hold_log() noexcept {
    state.held = true;
}

void release_log() noexcept {
    state.held = false;
    put(state.ring, state.used);
    state.used = 0;
    if (state.dropped != 0) {
        log(LogLevel::warning, "%u log lines were dropped while file systems were frozen",
            state.dropped);
        state.dropped = 0;
    }
}

}  // namespace resume::agent
