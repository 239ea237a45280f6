#include "tests/stress/campaign/merge.h"

#include <algorithm>
#include <fstream>
#include <set>

namespace resume::stress {

namespace {

CampaignResult last_line_of(const std::string& path) {
    std::ifstream file{path};
    std::string last;
    for (std::string line; std::getline(file, line);) {
        last = line.empty() ? last : line;
    }
    try {
        return result_from(nlohmann::json::parse(last));
    } catch (const std::exception& error) {
        throw UnusableFile{path + ": its last line is no summary: " + error.what()};
    }
}

nlohmann::json identity_of(CampaignId id) {
    id.shard = 1;
    return to_json(id);
}

}  // namespace

CampaignResult merge_summaries(const std::vector<std::string>& files) {
    CampaignResult all;
    std::set<uint32_t> seen;
    for (const std::string& path : files) {
        const CampaignResult part = last_line_of(path);
        if (seen.empty()) {
            all.id = part.id;
            all.complete = true;
        } else if (identity_of(part.id) != identity_of(all.id)) {
            throw UnusableFile{path + " is of another campaign: " + to_json(part.id).dump()};
        }
        if (!seen.insert(part.id.shard).second) {
            throw UnusableFile{path + ": shard " + std::to_string(part.id.shard) +
                               " is there already"};
        }
        if (!part.complete && part.failures.empty()) {
            throw UnusableFile{path + ": this shard was cut short"};
        }
        all.tally.add(part.tally);
        all.hash += part.hash;
        all.lives_done += part.lives_done;
        all.seconds = std::max(all.seconds, part.seconds);
        all.jobs = seen.size() == 1 ? part.jobs : all.jobs + part.jobs;
        all.complete = all.complete && part.complete;
        all.failures.insert(all.failures.end(), part.failures.begin(), part.failures.end());
    }
    for (uint32_t shard = 1; shard <= all.id.shards; ++shard) {
        if (seen.count(shard) == 0) {
            throw UnusableFile{"shard " + std::to_string(shard) + " of " +
                               std::to_string(all.id.shards) + " is missing"};
        }
    }
    std::sort(all.failures.begin(), all.failures.end(),
              [](const FailedLife& a, const FailedLife& b) { return a.life < b.life; });
    all.id.shard = all.id.shards = 1;
    return all;
}

}  // namespace resume::stress
