// One life of a guest: boots, goes through its plan's cycles, is judged: safety in each of them,
// and at the end, when every fault has stopped, whether it came back whole.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libresume/oracle/trace_view.h"
#include "tests/stress/campaign/plan.h"

namespace resume::stress {

class Chooser;

/// What is wrong with a life. The first of it, in the order of the cycles.
struct Finding {
    enum class Kind : uint8_t { invariant, liveness, crash };
    Kind kind = Kind::invariant;
    std::string id;  ///< of the invariant, or a word: "outcome", "disk", "hung"
    std::string detail;
    std::string device;  ///< or empty
    uint32_t cycle = 0;  ///< from 1; one more than the plan has: when all should be well again
    [[nodiscard]] bool same(const Finding& other) const {
        return kind == other.kind && id == other.id;
    }
};
const char* name_of(Finding::Kind kind) noexcept;

/// What is counted. Everything adds up, in any order.
struct Tally {
    uint64_t lives = 0;
    uint64_t cycles = 0;
    uint64_t at_hypercall = 0;  ///< cycles that came so far
    uint64_t events = 0;
    uint64_t violations = 0;
    uint64_t inconclusive = 0;  ///< lives: nothing can be said of them
    using Counts = std::map<std::string, uint64_t, std::less<>>;
    Counts outcomes, acts, faults, rare;

    static void count(Counts& counts, std::string_view what) {
        const auto found = counts.find(what);
        ++(found != counts.end() ? found : counts.emplace(what, 0).first)->second;
    }

    void add(const Tally& other);
};
/// States that only few cycles reach: each is in Tally::rare once it was.
const std::vector<std::string>& rare_states(model::GuestKind guest);

/// For stories: what came of one cycle.
struct CycleNote {
    std::string outcome;  ///< or "none"
    std::string host;     ///< what the toolstack says, or empty
};

struct LifeResult {
    uint64_t hash = 0;  ///< of all events
    Tally tally;
    std::optional<Finding> finding;
    std::vector<CycleNote> notes;
    oracle::TraceView view;  ///< empty unless it was to be kept
};

/// `chooser`: follows what the plan chooses and remembers what there was to choose from; without
/// one the plan's choices are followed all the same.
[[nodiscard]] LifeResult live(const LifePlan& plan, bool keep_trace = false,
                              Chooser* chooser = nullptr);

}  // namespace resume::stress
