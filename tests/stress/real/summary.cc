#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/stress/campaign/campaign.h"
#include "tests/stress/campaign/xml.h"
#include "tests/stress/real/campaign.h"

namespace resume::stress::real {

namespace {

uint64_t unknown_of(const State& state) {
    return static_cast<uint64_t>(std::count_if(state.failures.begin(), state.failures.end(),
                                               [](const Failure& each) { return !each.known; }));
}

nlohmann::json to_json(const State& state) {
    nlohmann::json out{{"campaign", state.campaign},
                       {"cycles", state.ended},
                       {"outcomes", state.outcomes},
                       {"failures", unknown_of(state)},
                       {"known_failures", state.failures.size() - unknown_of(state)},
                       {"agent_reports", state.reported}};
    if (state.failures.empty() && state.ended != 0) {
        out["bound_95_of_this_guest"] = bound_95(state.ended);
    }
    return out;
}

}  // namespace

void let_flakes_off(const Options& options, State& state) {
    for (const Flake& flake : options.flakes) {
        const std::regex pattern{flake.pattern};
        const auto is = [&](const Failure& each) {
            return !each.crash && std::regex_search(each.what, pattern);
        };
        const auto count = std::count_if(state.failures.begin(), state.failures.end(), is);
        if (static_cast<double>(count) * 100 > flake.percent * static_cast<double>(state.ended)) {
            continue;
        }
        for (Failure& each : state.failures) {
            each.known = each.known || is(each);
        }
    }
}

void print_summary(std::ostream& out, const Options& options, const State& state) {
    if (options.json) {
        out << to_json(state).dump() << std::endl;
        return;
    }
    for (const Failure& each : state.failures) {
        out << "cycle " << each.cycle << (each.known ? " (known)" : "") << ": " << each.what
            << '\n';
        for (const std::string& line : each.log) {
            out << "    " << line << '\n';
        }
    }
    out << state.campaign << ": " << state.ended << " done";
    for (const auto& [outcome, count] : state.outcomes) {
        out << ", " << count << ' ' << outcome;
    }
    out << "; " << unknown_of(state) << " failures, " << state.failures.size() - unknown_of(state)
        << " known ones; " << state.reported << " reports of the agent\n";
    if (state.failures.empty() && state.ended != 0) {
        out << "with 95 % confidence fewer than " << std::setprecision(3)
            << 100 * bound_95(state.ended) << " % of this guest's cycles fail\n";
    }
}

void print_junit(std::ostream& out, const Options& options, const State& state) {
    out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"resume-stress real "
        << name_of(options.method) << "\" tests=\"" << state.ended << "\" failures=\""
        << unknown_of(state) << "\">\n";
    for (const Failure& each : state.failures) {
        out << "  <testcase name=\"cycle " << each.cycle << "\">";
        out << (each.known ? "<skipped message=\"known: " : "<failure message=\"")
            << xml_escaped(each.what) << "\"/></testcase>\n";
    }
    out << "  <testcase name=\"" << xml_escaped(state.campaign) << "\"/>\n</testsuite>\n";
}

ExitCode exit_code_of(const State& state) {
    if (std::any_of(state.failures.begin(), state.failures.end(),
                    [](const Failure& each) { return each.crash; })) {
        return ExitCode::crash;
    }
    return unknown_of(state) != 0 ? ExitCode::finding : ExitCode::good;
}

}  // namespace resume::stress::real
