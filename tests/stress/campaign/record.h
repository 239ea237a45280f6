// Lives and campaigns as JSON: between processes, in state files, in summaries.
#pragma once

#include <nlohmann/json.hpp>

#include "tests/stress/campaign/life.h"

namespace resume::stress {

/// Which lives a campaign consists of. Two campaigns with the same words are the same.
struct CampaignId {
    DrawOptions draw;
    uint64_t cycles = 0;  ///< planned; 0: as many as the time allows
    uint32_t shard = 1, shards = 1;
};

/// One life, as a worker tells of it.
struct LifeRecord {
    uint64_t life = 0;
    uint64_t hash = 0;
    Tally tally;
    std::optional<Finding> finding;
};

[[nodiscard]] nlohmann::json to_json(const CampaignId& id);
[[nodiscard]] nlohmann::json to_json(const Tally& tally);
[[nodiscard]] nlohmann::json to_json(const Finding& finding);
[[nodiscard]] nlohmann::json to_json(const LifeRecord& record);
// Malformed input throws nlohmann::json::exception.
[[nodiscard]] CampaignId campaign_from(const nlohmann::json& json);
[[nodiscard]] Tally tally_from(const nlohmann::json& json);
[[nodiscard]] Finding finding_from(const nlohmann::json& json);
[[nodiscard]] LifeRecord record_from(const nlohmann::json& json);

/// 16 hexadecimal digits, and back.
[[nodiscard]] std::string hash_text(uint64_t hash);
[[nodiscard]] uint64_t hash_from(const std::string& text);

/// The command line that lives one life of a campaign again.
[[nodiscard]] std::string replay_line(const CampaignId& id, uint64_t life);
/// Names of the enabled faults, "all" when none is left out; and back: throws
/// std::invalid_argument for a name that is not known.
[[nodiscard]] std::string faults_text(uint64_t faults);
[[nodiscard]] uint64_t faults_from(const std::string& text);

}  // namespace resume::stress
