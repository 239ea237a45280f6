// resume-guest: the library's main job as a process. See options.cc for its command line.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <exception>

#include "tests/stress/guest_run.h"

namespace {

resume::stress::GuestRun* g_run = nullptr;

void on_signal(int) {
    g_run->stop();
}

}  // namespace

int main(int argc, char** argv) {
    using resume::stress::ExitCode;
    spdlog::set_default_logger(spdlog::stderr_color_mt("resume-guest"));
    spdlog::set_pattern("%H:%M:%S.%e %l %v");
    const auto parsed = resume::stress::parse_guest_options(argc, argv);
    if (!parsed.options) {
        return parsed.exit_code;
    }
    try {
        resume::stress::GuestRun run{*parsed.options};
        g_run = &run;
        std::signal(SIGTERM, on_signal);
        std::signal(SIGINT, on_signal);
        const ExitCode code = run.run();
        std::signal(SIGTERM, SIG_IGN);
        std::signal(SIGINT, SIG_IGN);
        return static_cast<int>(code);
    } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        return static_cast<int>(ExitCode::not_available);
    }
}
