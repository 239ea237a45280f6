// resume-stress's command line.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tests/stress/campaign/campaign.h"
#include "tests/stress/explore/explore.h"
#include "tests/stress/program/program.h"

namespace resume::stress {

struct StressOptions {
    enum class Command : uint8_t { run, explore, replay, shrink, merge };
    Command command = Command::run;
    CampaignOptions campaign;
    ExploreOptions explore;
    bool json = false;
    std::string junit_file;
    std::optional<uint64_t> life;    ///< replay, shrink: of the campaign
    std::vector<std::string> files;  ///< a plan; merge: summaries
    std::string trace_file;
    std::string out_file;
};

struct ParsedStressOptions {
    std::optional<StressOptions> options;
    int exit_code = 0;
};
ParsedStressOptions parse_stress_options(int argc, char** argv, const Program& program);

}  // namespace resume::stress
