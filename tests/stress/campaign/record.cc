#include "tests/stress/campaign/record.h"

#include <cstdio>
#include <sstream>
#include <stdexcept>

#include "tests/stress/campaign/faults.h"

namespace resume::stress {

using nlohmann::json;

namespace {

constexpr uint64_t kAllFaults = (uint64_t{1} << kFaultKindCount) - 1;

std::string names_of(uint64_t faults) {
    std::string text;
    for (uint8_t i = 0; i < kFaultKindCount; ++i) {
        if ((faults >> i & 1) != 0) {
            text += (text.empty() ? "" : ",") + std::string{row_of(static_cast<FaultKind>(i)).name};
        }
    }
    return text;
}

std::vector<std::string> bug_names(Bugs bugs) {
    std::vector<std::string> names;
    for (uint8_t i = 0; i + 1 < kBugCount; ++i) {
        if (bugs.has(bug_info(i).bug)) {
            names.emplace_back(bug_info(i).name);
        }
    }
    return names;
}

model::GuestKind known_guest(const std::string& name) {
    const auto guest = guest_named(name);
    if (!guest) {
        throw std::invalid_argument{"unknown guest '" + name + "'"};
    }
    return *guest;
}

}  // namespace

json to_json(const CampaignId& id) {
    json out{{"guest", name_of(id.draw.guest)},
             {"seed", id.draw.seed},
             {"swarm", id.draw.swarm},
             {"faults", faults_text(id.draw.faults)},
             {"bugs", bug_names(id.draw.bugs)},
             {"cycles", id.cycles},
             {"shard", id.shard},
             {"shards", id.shards}};
    if (id.draw.tree) {
        out["device_tree"] = to_json(*id.draw.tree);
    }
    return out;
}

json to_json(const Tally& tally) {
    return {{"lives", tally.lives},
            {"cycles", tally.cycles},
            {"at_hypercall", tally.at_hypercall},
            {"events", tally.events},
            {"violations", tally.violations},
            {"inconclusive", tally.inconclusive},
            {"outcomes", tally.outcomes},
            {"acts", tally.acts},
            {"faults", tally.faults},
            {"rare", tally.rare}};
}

json to_json(const Finding& finding) {
    return {{"kind", name_of(finding.kind)},
            {"id", finding.id},
            {"detail", finding.detail},
            {"device", finding.device},
            {"cycle", finding.cycle}};
}

json to_json(const LifeRecord& record) {
    json line{
        {"life", record.life}, {"hash", hash_text(record.hash)}, {"tally", to_json(record.tally)}};
    if (record.finding) {
        line["finding"] = to_json(*record.finding);
    }
    return line;
}

CampaignId campaign_from(const json& from) {
    CampaignId id;
    id.draw.guest = known_guest(from.at("guest").get<std::string>());
    from.at("seed").get_to(id.draw.seed);
    from.at("swarm").get_to(id.draw.swarm);
    id.draw.faults = faults_from(from.at("faults").get<std::string>());
    for (const auto& bug : from.at("bugs")) {
        id.draw.bugs = id.draw.bugs.with(bug_named(bug.get<std::string>().c_str()));
    }
    if (from.contains("device_tree")) {
        id.draw.tree = tree_from(from.at("device_tree"));
    }
    from.at("cycles").get_to(id.cycles);
    from.at("shard").get_to(id.shard);
    from.at("shards").get_to(id.shards);
    return id;
}

Tally tally_from(const json& from) {
    Tally tally;
    from.at("lives").get_to(tally.lives);
    from.at("cycles").get_to(tally.cycles);
    from.at("at_hypercall").get_to(tally.at_hypercall);
    from.at("events").get_to(tally.events);
    from.at("violations").get_to(tally.violations);
    from.at("inconclusive").get_to(tally.inconclusive);
    from.at("outcomes").get_to(tally.outcomes);
    from.at("acts").get_to(tally.acts);
    from.at("faults").get_to(tally.faults);
    from.at("rare").get_to(tally.rare);
    return tally;
}

Finding finding_from(const json& from) {
    Finding finding;
    const auto kind = from.at("kind").get<std::string>();
    for (const auto known :
         {Finding::Kind::invariant, Finding::Kind::liveness, Finding::Kind::crash}) {
        finding.kind = kind == name_of(known) ? known : finding.kind;
    }
    from.at("id").get_to(finding.id);
    from.at("detail").get_to(finding.detail);
    from.at("device").get_to(finding.device);
    from.at("cycle").get_to(finding.cycle);
    return finding;
}

LifeRecord record_from(const json& from) {
    LifeRecord record;
    from.at("life").get_to(record.life);
    record.hash = hash_from(from.at("hash").get<std::string>());
    record.tally = tally_from(from.at("tally"));
    if (from.contains("finding")) {
        record.finding = finding_from(from.at("finding"));
    }
    return record;
}

std::string hash_text(uint64_t hash) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
    return text;
}

uint64_t hash_from(const std::string& text) {
    return std::stoull(text, nullptr, 16);
}

std::string faults_text(uint64_t faults) {
    if ((faults & kAllFaults) == kAllFaults) {
        return "all";
    }
    return (faults & kAllFaults) == 0 ? "none" : names_of(faults);
}

uint64_t faults_from(const std::string& text) {
    if (text == "all" || text == "none") {
        return text == "all" ? ~uint64_t{0} : 0U;
    }
    uint64_t faults = 0;
    std::istringstream words{text};
    for (std::string word; std::getline(words, word, ',');) {
        const auto kind = fault_named(word);
        if (!kind) {
            throw std::invalid_argument{"unknown fault '" + word + "'; known: all, none, " +
                                        names_of(kAllFaults)};
        }
        faults |= uint64_t{1} << static_cast<uint8_t>(*kind);
    }
    return faults;
}

std::string replay_line(const CampaignId& id, uint64_t life) {
    std::string line = std::string{id.draw.program} + " replay --guest " + name_of(id.draw.guest) +
                       " --seed " + std::to_string(id.draw.seed) + " --life " +
                       std::to_string(life);
    if (life == id.cycles / kLifeCycles) {
        line += " --cycles " + std::to_string(id.cycles);  // the last, which is shorter
    }
    if (id.draw.tree) {
        line += " --device-tree " + id.draw.tree->file;
    }
    if (id.draw.swarm) {
        line += " --swarm";
    }
    if (const std::string faults = faults_text(id.draw.faults); faults != "all") {
        line += " --faults " + faults;
    }
    for (const std::string& bug : bug_names(id.draw.bugs)) {
        line += " --bug " + bug;
    }
    return line;
}

}  // namespace resume::stress
