// The core's panic hook in a process: say it and die. systemd starts the daemon again, and what was
// announced is paired then.
#include <stdlib.h>

#include "agent/base/log.h"
#include "libresume/assert.h"

namespace resume {
inline namespace v0 {

void panic(const char* what, const char* file, int line) noexcept {
    agent::log(agent::LogLevel::error, "panic: %s at %s:%d", what, file, line);
    abort();
}

}  // namespace v0
}  // namespace resume
