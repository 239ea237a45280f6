// resume-stress: campaigns of modelled guests' lives (program/), and real guests (real/).
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>

#include <CLI/CLI.hpp>

#include "tests/stress/campaign/campaign.h"
#include "tests/stress/program/program.h"
#include "tests/stress/program/words.h"
#include "tests/stress/real/campaign.h"

namespace resume::stress {
namespace {

std::atomic<bool> g_stop{false};

ExitCode run_real(const real::Options& options) {
    std::signal(SIGINT, [](int) { g_stop = true; });
    std::signal(SIGTERM, [](int) { g_stop = true; });
    real::State state = real::run_campaign(options, g_stop, std::cout);
    real::let_flakes_off(options, state);
    if (!options.junit_file.empty()) {
        std::ofstream file{options.junit_file};
        real::print_junit(file, options, state);
        if (!file.flush()) {
            throw std::runtime_error{options.junit_file + ": cannot be written"};
        }
    }
    real::print_summary(std::cout, options, state);
    return real::exit_code_of(state);
}

int real_main(int argc, char** argv) {
    spdlog::set_default_logger(spdlog::stderr_color_mt("resume-stress"));
    spdlog::set_pattern("%l %v");
    CLI::App app{"a real guest, cycle after cycle", "resume-stress real"};
    real::Options options;
    real::Words words;
    real::add_options(app, options, words);
    try {
        app.parse(argc, argv);
        real::settle(options, words);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
    }
    try {
        return static_cast<int>(run_real(options));
    } catch (const real::NotAvailable& error) {
        spdlog::error("{}", error.what());
        return static_cast<int>(ExitCode::not_available);
    } catch (const UnusableFile& error) {
        spdlog::error("{}", error.what());
        return static_cast<int>(ExitCode::unreadable);
    } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        return static_cast<int>(ExitCode::own_fault);
    }
}

}  // namespace
}  // namespace resume::stress

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "real") == 0) {
        return resume::stress::real_main(argc - 1, argv + 1);
    }
    return resume::stress::stress_main(
        argc, argv,
        {.more = "And of a real guest: resume-stress real, which has a help of its own."});
}
