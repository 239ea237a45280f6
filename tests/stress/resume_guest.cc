// resume-guest: the library's main job as a process. See options.cc for its command line.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <exception>

#include "tests/stress/guest_run.h"
#include "tests/stress/kvm_run.h"

namespace {

template <class Run>
Run* g_run = nullptr;

template <class Run>
int run_guest(const resume::stress::GuestOptions& options) {
    Run run{options};
    g_run<Run> = &run;
    const auto on_signal = [](int) { g_run<Run>->stop(); };
    std::signal(SIGTERM, on_signal);
    std::signal(SIGINT, on_signal);
    const resume::stress::ExitCode code = run.run();
    std::signal(SIGTERM, SIG_IGN);
    std::signal(SIGINT, SIG_IGN);
    return static_cast<int>(code);
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
        return parsed.options->guest == resume::model::GuestKind::kvm
                   ? run_guest<resume::stress::KvmRun>(*parsed.options)
                   : run_guest<resume::stress::GuestRun>(*parsed.options);
    } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        return static_cast<int>(ExitCode::not_available);
    }
}
