#include "tests/stress/program/program.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/stress/campaign/merge.h"
#include "tests/stress/campaign/shrink.h"
#include "tests/stress/campaign/summary.h"
#include "tests/stress/explore/explore_text.h"
#include "tests/stress/program/stress_options.h"
#include "tests/stress/program/trace_file.h"
#include "tests/stress/program/words.h"

namespace resume::stress {
namespace {

std::atomic<bool> g_stop{false};

ExitCode exit_code_of(const std::optional<Finding>& finding) {
    if (!finding) {
        return ExitCode::good;
    }
    switch (finding->kind) {
        case Finding::Kind::invariant:
            return ExitCode::finding;
        case Finding::Kind::liveness:
            return ExitCode::liveness;
        case Finding::Kind::crash:
            return ExitCode::crash;
    }
    return ExitCode::own_fault;
}

ExitCode tell(const CampaignResult& result, bool json) {
    if (json) {
        std::cout << to_json(result).dump() << std::endl;
    } else {
        print_summary(std::cout, result);
    }
    if (!result.failures.empty()) {
        return exit_code_of(result.failures.front().finding);
    }
    return result.tally.inconclusive != 0 ? ExitCode::inconclusive : ExitCode::good;
}

void stop_on_signals() {
    std::signal(SIGINT, [](int) { g_stop = true; });
    std::signal(SIGTERM, [](int) { g_stop = true; });
}

ExitCode run(const StressOptions& options) {
    stop_on_signals();
    const CampaignResult result = run_campaign(options.campaign, g_stop);
    if (!options.junit_file.empty()) {
        std::ofstream file{options.junit_file};
        print_junit(file, {result});
        if (!file.flush()) {
            throw std::runtime_error{options.junit_file + ": cannot be written"};
        }
    }
    return tell(result, options.json);
}

std::optional<LifePlan> plan_wanted(const StressOptions& options) {
    if (options.life) {
        const CampaignId& id = options.campaign.id;
        WorkPlan work;
        work.draw = id.draw;
        work.cycles = id.cycles;
        return plan_of(work, *options.life);
    }
    std::ifstream file{options.files.front()};
    std::ostringstream text;
    text << file.rdbuf();
    std::string error = "cannot be read";
    auto plan = file ? plan_from(text.str(), error) : std::nullopt;
    if (!plan) {
        spdlog::error("{}: {}", options.files.front(), error);
        return std::nullopt;
    }
    plan->part = options.campaign.id.draw.part;
    plan->table = options.campaign.id.draw.table;
    plan->spoil = options.campaign.id.draw.spoil;
    return plan;
}

bool keep(const StressOptions& options, const LifePlan& plan, const LifeResult& result) {
    if (!options.trace_file.empty() && !write_trace(options.trace_file, result.view)) {
        return false;
    }
    if (!options.out_file.empty()) {
        std::ofstream file{options.out_file};
        file << to_text(plan);
        return written(options.out_file, static_cast<bool>(file.flush()));
    }
    return true;
}

ExitCode replay(const StressOptions& options) {
    const auto plan = plan_wanted(options);
    if (!plan) {
        return ExitCode::unreadable;
    }
    LifeResult result = live(*plan, true);
    if (options.command == StressOptions::Command::shrink && result.finding) {
        const size_t before = size_of(*plan);
        Shrunk shrunk = shrink(*plan, result);
        std::cout << before << " cycles and faults, " << size_of(shrunk.plan) << " of them needed ("
                  << shrunk.tried << " lives tried)\n";
        print_story(std::cout, shrunk.plan, shrunk.result);
        return keep(options, shrunk.plan, shrunk.result) ? exit_code_of(shrunk.result.finding)
                                                         : ExitCode::own_fault;
    }
    print_story(std::cout, *plan, result);
    std::cout << "hash " << hash_text(result.hash) << '\n';
    return keep(options, *plan, result) ? exit_code_of(result.finding) : ExitCode::own_fault;
}

ExitCode explore(const StressOptions& options) {
    std::signal(SIGINT, [](int) { g_stop = true; });
    std::signal(SIGTERM, [](int) { g_stop = true; });
    const ExploreResult result = explore(options.explore, g_stop);
    if (options.explore.progress) {
        std::cerr << "\r\033[K";
    }
    if (options.json) {
        std::cout << to_json(options.explore, result).dump() << '\n';
    } else {
        print_exploration(std::cout, options.explore, result);
    }
    if (result.failures.empty()) {
        return result.complete ? ExitCode::good : ExitCode::inconclusive;
    }
    const FailedOrder& first = result.failures.front();
    if (!options.json) {
        print_story(std::cout, first.plan, live(first.plan, true));
    }
    const LifeResult none;
    return keep(options, first.plan, none) ? exit_code_of(first.finding) : ExitCode::own_fault;
}

ExitCode act(const StressOptions& options) {
    switch (options.command) {
        case StressOptions::Command::explore:
            return explore(options);
        case StressOptions::Command::run:
            return run(options);
        case StressOptions::Command::merge:
            return tell(merge_summaries(options.files), options.json);
        default:
            return replay(options);
    }
}

}  // namespace
int stress_main(int argc, char** argv, const Program& program) {
    spdlog::set_default_logger(spdlog::stderr_color_mt(program.name));
    spdlog::set_pattern("%l %v");
    const auto parsed = parse_stress_options(argc, argv, program);
    if (!parsed.options) {
        return parsed.exit_code;
    }
    try {
        return static_cast<int>(act(*parsed.options));
    } catch (const UnusableFile& error) {
        spdlog::error("{}", error.what());
        return static_cast<int>(ExitCode::unreadable);
    } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        return static_cast<int>(ExitCode::own_fault);
    }
}

}  // namespace resume::stress
