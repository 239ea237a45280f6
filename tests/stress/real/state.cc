#include "tests/stress/real/state.h"

#include <unistd.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "agent/base/files.h"
#include "tests/stress/campaign/campaign.h"

namespace resume::stress::real {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Failure, cycle, what, crash, known, log)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(State, campaign, boot_id, pm_test_was, socket, bandwidth, begun,
                                   ended, probed, reported, outcomes, failures)

namespace {

constexpr const char* kSchema = "resume-stress-real-2";
constexpr size_t kMostState = 16U << 20;

std::string text_of(const std::vector<MixRow>& mix) {
    std::string text;
    for (const MixRow& row : mix) {
        text += (text.empty() ? " " : ",") + std::string{name_of(row.act)} + ":" +
                std::to_string(row.weight);
    }
    return text;
}

}  // namespace

std::string campaign_of(const Options& options) {
    return std::string{name_of(options.method)} +
           (options.method == Method::pm_test ? " " + options.level : "") +
           (options.domain.empty() ? "" : " " + options.domain) + text_of(options.mix) + ", " +
           std::to_string(options.cycles) + " cycles, seed " + std::to_string(options.seed);
}

State read_state(const std::string& path) {
    const auto text = agent::read_file(path, kMostState);
    if (!text) {
        if (errno == ENOENT) {
            return {};
        }
        throw UnusableFile{agent::explain(path, errno)};
    }
    try {
        const auto json = nlohmann::json::parse(*text);
        if (json.at("schema") != kSchema) {
            throw UnusableFile{path + ": not a state of resume-stress real"};
        }
        return json.get<State>();
    } catch (const nlohmann::json::exception& error) {
        throw UnusableFile{path + ": " + error.what()};
    }
}

void write_state(const std::string& path, const State& state) {
    nlohmann::json json = state;
    json["schema"] = kSchema;
    // A guest's own lines need not be UTF-8.
    const std::string text =
        json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    if (const int error = agent::replace_file(path, text); error != 0) {
        throw std::runtime_error{agent::explain("cannot write " + path, error)};
    }
}

}  // namespace resume::stress::real
