// What a campaign came to, for people and for CI.
#pragma once

#include <ostream>

#include "tests/stress/campaign/campaign.h"

namespace resume::stress {

void print_summary(std::ostream& out, const CampaignResult& result);
/// JUnit XML: a test suite of one case a campaign, with a failure for each failing life.
void print_junit(std::ostream& out, const std::vector<CampaignResult>& results);
/// One failing life: what is broken, and the line that shows it again.
void print_failure(std::ostream& out, const CampaignId& id, const FailedLife& failed);
/// A life as a story: what the host wanted, who misbehaved, what came of it, what broke.
void print_story(std::ostream& out, const LifePlan& plan, const LifeResult& result);

}  // namespace resume::stress
