// resume-guest's command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "drivers/model/config.h"
#include "libresume/terms.h"
#include "tests/stress/program/words.h"

namespace resume::stress {

struct GuestOptions {
    model::GuestKind guest = model::GuestKind::xen_hvm;
    Kind kind = Kind::xen_suspend;
    uint32_t vcpus = 1;
    std::string socket;     ///< of a real xenstored; empty: the store in this process
    std::string base_path;  ///< below which everything happens there
    std::vector<Outcome> cycles{Outcome::resumed, Outcome::cancelled, Outcome::aborted};
    bool json = false;
    uint64_t seed = 1;
    uint32_t away_ms = 300;  ///< on a real store: how long a person waits for the host
    std::string trace_file;
    Bugs bugs{};
};

/// Either options, or the exit code to leave with at once (help, or an error that was printed).
struct ParsedOptions {
    std::optional<GuestOptions> options;
    int exit_code = 0;
};
ParsedOptions parse_guest_options(int argc, char** argv);

}  // namespace resume::stress
