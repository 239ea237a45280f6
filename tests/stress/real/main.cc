#include "tests/stress/real/main.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <CLI/CLI.hpp>

#include "agent/base/files.h"
#include "tests/stress/campaign/campaign.h"
#include "tests/stress/program/words.h"
#include "tests/stress/real/campaign.h"

namespace resume::stress::real {

namespace {

std::atomic<bool> g_stop{false};

ExitCode run(const Options& options, std::unique_ptr<Driver> driver) {
    std::signal(SIGINT, [](int) { g_stop = true; });
    std::signal(SIGTERM, [](int) { g_stop = true; });
    State state = run_campaign(options, std::move(driver), g_stop, std::cout);
    let_flakes_off(options, state);
    if (!options.junit_file.empty()) {
        std::ofstream file{options.junit_file};
        print_junit(file, options, state);
        if (!file.flush()) {
            throw std::runtime_error{options.junit_file + ": cannot be written"};
        }
    }
    print_summary(std::cout, options, state);
    return exit_code_of(state);
}

/// The program with Xen's libraries: beside this one, or where it is installed.
[[noreturn]] void become_xen_program(char** argv) {
    constexpr const char* kName = "resume-stress-xen";
    const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    int error = ENOENT;
    for (const auto& path : {here / kName, here / RESUME_LIBEXEC_FROM_BIN / kName}) {
        ::execv(path.c_str(), argv);
        error = errno == ENOENT ? error : errno;
    }
    throw NotAvailable{agent::explain(kName, error) +
                       ": a Xen host has it (Debian package resume-stress-xen)"};
}

}  // namespace

int real_main(int argc, char** argv, std::unique_ptr<Driver> (*xen)(const Options&)) {
    spdlog::set_default_logger(spdlog::stderr_color_mt("resume-stress"));
    spdlog::set_pattern("%l %v");
    CLI::App app{"a real guest, cycle after cycle", "resume-stress real"};
    Options options;
    Words words;
    add_options(app, options, words);
    try {
        app.parse(argc, argv);
        settle(options, words);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
    }
    try {
        if (options.method == Method::xen && xen == nullptr) {
            become_xen_program(argv);
        }
        auto driver = options.method == Method::xen ? xen(options) : driver_of(options);
        return static_cast<int>(run(options, std::move(driver)));
    } catch (const NotAvailable& error) {
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

}  // namespace resume::stress::real
