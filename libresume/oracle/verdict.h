// What the oracle says of a trace. Three answers, never two: a trace that lost events proves
// nothing, so it neither passes nor fails.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libresume/terms.h"

namespace resume::oracle {

struct Violation {
    std::string id;      ///< of the invariant: "L6"
    std::string detail;  ///< what was seen, in one sentence
    std::string device;  ///< name, or empty
    uint32_t cycle = 0;  ///< number of the cycle; 0 outside of one
    uint64_t event = 0;  ///< index of the event that showed it
    Ticks ticks = 0;
};

struct Verdict {
    std::vector<Violation> violations;
    std::string inconclusive;  ///< why nothing can be said, or empty

    [[nodiscard]] bool clean() const { return violations.empty() && inconclusive.empty(); }
    /// Violated counts before inconclusive, unless events were lost.
    [[nodiscard]] bool violated() const { return !violations.empty(); }
    [[nodiscard]] bool has(const char* id) const {
        for (const Violation& violation : violations) {
            if (violation.id == id) {
                return true;
            }
        }
        return false;
    }
};

}  // namespace resume::oracle
