// Shards of one campaign, added up.
#pragma once

#include <string>
#include <vector>

#include "tests/stress/campaign/campaign.h"

namespace resume::stress {

/// Each file's last line is a shard's summary. Throws UnusableFile when one cannot be read, is cut
/// short or of another campaign, or when a shard is missing or doubled.
[[nodiscard]] CampaignResult merge_summaries(const std::vector<std::string>& files);

}  // namespace resume::stress
