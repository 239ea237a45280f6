#include "tests/stress/campaign/campaign.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include "tests/stress/campaign/dice.h"

namespace resume::stress {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int kLookMs = 100;
constexpr uint64_t kNoEnd = uint64_t{1} << 48;
constexpr auto kSaveEvery = std::chrono::milliseconds{500};
constexpr auto kTellEvery = std::chrono::milliseconds{500};

double seconds_since(Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
}

uint64_t lives_of(const CampaignId& id) {
    if (id.cycles == 0) {
        return kNoEnd;
    }
    const uint64_t lives = (id.cycles + kLifeCycles - 1) / kLifeCycles;
    return (lives + id.shards - id.shard) / id.shards;
}

class Campaign {
  public:
    explicit Campaign(const CampaignOptions& options) : options_{options} {
        result_.id = options.id;
        result_.jobs = options.jobs;
    }

    CampaignResult run(const std::atomic<bool>& stop) {
        load();
        const double before = result_.seconds;
        const auto started = Clock::now();
        const uint64_t end = lives_of(options_.id);
        Workers workers{{options_.id.draw, result_.lives_done, end, options_.id.cycles,
                         options_.id.shard, options_.id.shards, options_.jobs}};
        bool more = result_.lives_done < end;
        while (more && !stop && !failed() && !late(started)) {
            more = workers.wait(kLookMs, [this](const LifeRecord& record) { add(record); });
            result_.seconds = before + seconds_since(started);
            save(false);
            tell();
        }
        result_.complete = !more;
        result_.seconds = before + seconds_since(started);
        save(true);
        if (options_.progress) {
            std::fprintf(stderr, "\r\033[K");
        }
        return std::move(result_);
    }

  private:
    [[nodiscard]] bool failed() const { return !options_.keep_going && !result_.failures.empty(); }
    [[nodiscard]] bool late(Clock::time_point started) const {
        return options_.time && Clock::now() - started >= *options_.time;
    }

    void add(const LifeRecord& record) {
        if (failed()) {
            return;  // the same end as with one job
        }
        result_.tally.add(record.tally);
        result_.hash += mixed(record.hash + mixed(record.life + 1));
        ++result_.lives_done;
        if (record.finding) {
            result_.failures.push_back({record.life, *record.finding});
        }
    }

    void load() {
        std::ifstream file{options_.state_file};
        if (options_.state_file.empty() || !file) {
            return;
        }
        try {
            const json state = json::parse(file);
            if (state.at("campaign") != to_json(options_.id)) {
                throw UnusableFile{options_.state_file +
                                   " is another campaign's: " + state.at("campaign").dump()};
            }
            result_ = result_from(state);
            result_.jobs = options_.jobs;
        } catch (const json::exception& error) {
            throw UnusableFile{options_.state_file + ": " + error.what()};
        }
    }

    /// Whole or not at all: a name is moved over the old file.
    void save(bool now) {
        const bool early = result_.lives_done == 0 || Clock::now() - saved_ < kSaveEvery;
        if (options_.state_file.empty() || (!now && early)) {
            return;
        }
        saved_ = Clock::now();
        const std::string other = options_.state_file + ".new";
        std::ofstream file{other};
        file << to_json(result_).dump() << '\n';
        file.close();
        if (!file || std::rename(other.c_str(), options_.state_file.c_str()) != 0) {
            throw std::runtime_error{options_.state_file + ": cannot be written"};
        }
    }

    void tell() {
        if (options_.progress && Clock::now() - told_ > kTellEvery) {
            told_ = Clock::now();
            std::fprintf(stderr, "\r\033[K%llu cycles, %.0f a second, %llu violations",
                         static_cast<unsigned long long>(result_.tally.cycles),
                         static_cast<double>(result_.tally.cycles) / result_.seconds,
                         static_cast<unsigned long long>(result_.tally.violations));
        }
    }

    const CampaignOptions& options_;
    CampaignResult result_;
    Clock::time_point saved_{};  // at once, and then now and then
    Clock::time_point told_ = Clock::now();
};

}  // namespace

CampaignResult run_campaign(const CampaignOptions& options, const std::atomic<bool>& stop) {
    return Campaign{options}.run(stop);
}

double bound_95(uint64_t cycles) {
    return cycles == 0 ? 1 : -std::expm1(std::log(0.05) / static_cast<double>(cycles));
}

json to_json(const CampaignResult& result) {
    const Tally& tally = result.tally;
    const double cycles = static_cast<double>(tally.cycles);
    json out = to_json(tally);
    out["campaign"] = to_json(result.id);
    out["hash"] = hash_text(result.hash);
    out["lives_done"] = result.lives_done;
    out["jobs"] = result.jobs;
    out["seconds"] = result.seconds;
    out["complete"] = result.complete;
    out["cycles_per_second"] = result.seconds > 0 ? cycles / result.seconds : 0;
    out["events_per_cycle"] = cycles > 0 ? static_cast<double>(tally.events) / cycles : 0;
    out["failures"] = json::array();
    for (const FailedLife& failed : result.failures) {
        json row = to_json(failed.finding);
        row["life"] = failed.life;
        row["replay"] = replay_line(result.id, failed.life);
        out["failures"].push_back(row);
    }
    if (result.failures.empty()) {
        out["bound_95_of_the_model"] = bound_95(tally.cycles);
    }
    return out;
}

CampaignResult result_from(const json& from) {
    CampaignResult result;
    const json& id = from.at("campaign");
    result.id = campaign_from(id);
    result.tally = tally_from(from);
    result.hash = hash_from(from.at("hash").get<std::string>());
    from.at("lives_done").get_to(result.lives_done);
    from.at("jobs").get_to(result.jobs);
    from.at("seconds").get_to(result.seconds);
    from.at("complete").get_to(result.complete);
    for (const json& row : from.at("failures")) {
        result.failures.push_back({row.at("life").get<uint64_t>(), finding_from(row)});
    }
    return result;
}

}  // namespace resume::stress
