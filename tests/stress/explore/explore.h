// Every order of ready hooks within so many preemptions, with every single fault in every position
// (or every pair of them), for everything that the host may want: one cycle each, judged as in a
// campaign.
//
// Orders that differ only in the turn of hooks that have nothing to do with one another come to the
// same, and one of them is enough. Which hooks those are is declared (independence.h) and checked:
// of each pair both orders are run, and the states that the guest ends in compared.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/stress/campaign/life.h"

namespace resume::stress {

struct ExploreOptions {
    LifePlan tree;  ///< the guest, without cycles
    uint32_t preemptions = 1;
    bool pairs = false;
    bool keep_going = false;
    bool reduce = true;  ///< false: every order is run, to see what the reduction is worth
    std::optional<std::chrono::milliseconds> time;
    bool progress = false;
};

struct FailedOrder {
    LifePlan plan;
    Finding finding;
};

/// Two hooks that are declared independent.
struct HookPair {
    std::string one, other;
    Phase phase = Phase::none;
    auto operator<=>(const HookPair&) const = default;
};

struct ExploreResult {
    uint64_t outcomes = 0;       ///< what the host may want
    uint64_t positions = 0;      ///< of faults, no fault included; pairs of them with `pairs`
    uint64_t runs = 0;           ///< cycles taken
    uint64_t orders = 0;         ///< of the runs, each another order
    uint64_t choices = 0;        ///< moments with more than one ready device
    uint64_t left_out = 0;       ///< other choices there, equal to one that was run
    uint64_t states = 0;         ///< different ones at those moments and at the ends
    std::set<HookPair> checked;  ///< both orders were run and came to the same
    std::set<HookPair> refuted;  ///< they did not: taken for dependent from there on
    std::vector<FailedOrder> failures;
    bool complete = false;
    double seconds = 0;
};

/// `stop` ends it early: it is not complete then.
[[nodiscard]] ExploreResult explore(const ExploreOptions& options, const std::atomic<bool>& stop);

}  // namespace resume::stress
