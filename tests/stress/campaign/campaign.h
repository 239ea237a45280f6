// A campaign: many lives, added up in their order.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/stress/campaign/workers.h"

namespace resume::stress {

struct FailedLife {
    uint64_t life = 0;
    Finding finding;
};

struct CampaignResult {
    CampaignId id;
    uint32_t jobs = 1;
    Tally tally;
    uint64_t hash = 0;        ///< of all lives: the same whatever ran beside what
    uint64_t lives_done = 0;  ///< of its own count, from the first
    double seconds = 0;
    bool complete = false;
    std::vector<FailedLife> failures;
};

/// A file of the user's that is not what it should be.
struct UnusableFile : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct CampaignOptions {
    CampaignId id;
    uint32_t jobs = 1;
    std::optional<std::chrono::milliseconds> time;
    bool keep_going = false;
    std::string state_file;  ///< goes on from there, and leaves there how far it came
    bool progress = false;   ///< on standard error
};

/// `stop` ends it early; what was told until then is the result. Throws UnusableFile when the state
/// file is another campaign's or none.
[[nodiscard]] CampaignResult run_campaign(const CampaignOptions& options,
                                          const std::atomic<bool>& stop);

/// 95 % bound on the rate of failing cycles when none of so many failed.
[[nodiscard]] double bound_95(uint64_t cycles);

[[nodiscard]] nlohmann::json to_json(const CampaignResult& result);
[[nodiscard]] CampaignResult result_from(const nlohmann::json& json);

}  // namespace resume::stress
