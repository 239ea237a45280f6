#include "tests/stress/real/state.h"

#include <unistd.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "agent/base/files.h"
#include "tests/stress/campaign/campaign.h"

namespace resume::stress::real {

namespace {

constexpr const char* kSchema = "resume-stress-real-1";
constexpr size_t kMostState = 16U << 20;

Failure failure_from(const nlohmann::json& json) {
    Failure failure;
    failure.cycle = json.at("cycle");
    failure.what = json.at("what");
    failure.crash = json.at("crash");
    failure.known = json.at("known");
    failure.log = json.at("log");
    return failure;
}

}  // namespace

std::string campaign_of(const Options& options) {
    return std::string{name_of(options.method)} +
           (options.method == Method::pm_test ? " " + options.level : "") + ", " +
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
        State state;
        state.campaign = json.at("campaign");
        state.boot_id = json.at("boot_id");
        state.pm_test_was = json.at("pm_test_was");
        state.begun = json.at("begun");
        state.ended = json.at("ended");
        state.probed = json.at("probed");
        state.reported = json.at("reported");
        state.outcomes = json.at("outcomes");
        for (const auto& each : json.at("failures")) {
            state.failures.push_back(failure_from(each));
        }
        return state;
    } catch (const nlohmann::json::exception& error) {
        throw UnusableFile{path + ": " + error.what()};
    }
}

void write_state(const std::string& path, const State& state) {
    nlohmann::json failures = nlohmann::json::array();
    for (const Failure& each : state.failures) {
        failures.push_back({{"cycle", each.cycle},
                            {"what", each.what},
                            {"crash", each.crash},
                            {"known", each.known},
                            {"log", each.log}});
    }
    const nlohmann::json json{{"schema", kSchema},          {"campaign", state.campaign},
                              {"boot_id", state.boot_id},   {"pm_test_was", state.pm_test_was},
                              {"begun", state.begun},       {"ended", state.ended},
                              {"probed", state.probed},     {"reported", state.reported},
                              {"outcomes", state.outcomes}, {"failures", std::move(failures)}};
    // A guest's own lines need not be UTF-8.
    const std::string text =
        json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    if (const int error = agent::replace_file(path, text); error != 0) {
        throw std::runtime_error{agent::explain("cannot write " + path, error)};
    }
}

}  // namespace resume::stress::real
