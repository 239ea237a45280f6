// The kernel's command line, as tests/lab/xen/CONTRACT.md has it.
#pragma once

#include <stdint.h>

#include "drivers/callback/callback.h"
#include "drivers/xen_guest/bugs.h"
#include "tests/kernel/line.h"

namespace kernel {

struct CommandLine {
    resume::Bugs bugs{};
    char bug_names[96] = "-";  ///< as given, for the READY line
    uint32_t devices = 4;
    uint32_t tick_ms = 10;
    bool traffic = false;
    bool net = false;        ///< a load on the first vif
    uint32_t disk = 0;       ///< lanes of the load on the first vbd; 0 = none is used
    uint32_t balloon = 0;    ///< pages of its pool; 0 = no balloon
    bool persistent = true;  ///< grants of the disk, where its backend has them too
    bool fifo = false;       ///< event channels in the FIFO ABI
    uint64_t seed = 0;       ///< 0 = devices by index
    resume::CallbackConfig callback{};
};

/// Takes the words of `text`; prints IGNORED for a word that it does not know, and panics for a bug
/// or a value that it does not know: a switch that does nothing would prove nothing.
CommandLine parse_command_line(const char* text) noexcept;

}  // namespace kernel
