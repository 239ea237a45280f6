#include "tests/stress/explore/explore_text.h"

#include <iomanip>

namespace resume::stress {

namespace {

/// Of all that could have been run, how many times as much as was.
double reduction_of(const ExploreResult& result) {
    return result.orders == 0 ? 1
                              : static_cast<double>(result.orders + result.left_out) /
                                    static_cast<double>(result.orders);
}

double a_second(uint64_t count, const ExploreResult& result) {
    return result.seconds > 0 ? static_cast<double>(count) / result.seconds : 0;
}

}  // namespace

void print_exploration(std::ostream& out, const ExploreOptions& options,
                       const ExploreResult& result) {
    out << name_of(options.tree.guest) << ": " << result.outcomes << " outcomes, "
        << result.positions << (options.pairs ? " pairs of faults" : " faults, one at a time")
        << ", every order within " << options.preemptions << " preemptions\n"
        << result.runs << " cycles in " << std::fixed << std::setprecision(1) << result.seconds
        << " s (" << std::setprecision(0) << a_second(result.runs, result) << " a second), "
        << result.states << " states (" << a_second(result.states, result) << " a second), "
        << result.choices << " choices\n"
        << result.orders << " orders; " << result.left_out
        << " more begin with a hook that has nothing to do with those before it (reduction "
        << std::setprecision(1) << reduction_of(result) << ")\n"
        << result.checked.size() << " pairs of hooks declared independent and found so, "
        << result.refuted.size() << " not\n";
    for (const HookPair& pair : result.refuted) {
        out << "  " << pair.one << " and " << pair.other << " in " << name_of(pair.phase)
            << ": one before the other is another state than the other before the one\n";
    }
    out << result.failures.size() << " failures; "
        << (result.complete ? "complete" : "NOT complete: it was ended before it was through")
        << '\n';
}

nlohmann::json to_json(const ExploreOptions& options, const ExploreResult& result) {
    return {{"guest", name_of(options.tree.guest)},
            {"preemptions", options.preemptions},
            {"pairs", options.pairs},
            {"outcomes", result.outcomes},
            {"positions", result.positions},
            {"cycles", result.runs},
            {"orders", result.orders},
            {"left_out", result.left_out},
            {"reduction", reduction_of(result)},
            {"choices", result.choices},
            {"states", result.states},
            {"states_per_second", a_second(result.states, result)},
            {"pairs_checked", result.checked.size()},
            {"pairs_refuted", result.refuted.size()},
            {"failures", result.failures.size()},
            {"complete", result.complete},
            {"seconds", result.seconds}};
}

}  // namespace resume::stress
