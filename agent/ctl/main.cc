// resumectl: what a person or a script types.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <iostream>

#include "agent/ctl/exit_codes.h"
#include "agent/ctl/history.h"
#include "agent/ctl/hooks_command.h"
#include "agent/ctl/live.h"
#include "agent/ctl/verify.h"
#include "agent/doctor/command.h"

namespace resume::agent {

static int run(int argc, char** argv) {
    CLI::App app{"resumectl: see, prepare and judge suspends and resumes of this guest"};
    app.require_subcommand(1);
    app.set_version_flag("--version", RESUME_VERSION);
    int exit_code = kExitGood;
    for (const auto add :
         {add_status_command, add_history_command, add_show_command, add_timeline_command,
          add_verify_command, add_prepare_command, add_release_command, add_sources_command,
          add_hooks_command, add_reset_command}) {
        add(app, std::cout, std::cerr, exit_code);
    }
    doctor::add_doctor_command(app, std::cout, std::cerr, exit_code);
    doctor::add_inventory_command(app, std::cout, std::cerr, exit_code);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kExitGood : kExitUsage;
    }
    std::cout.flush();
    return std::cout.good() ? exit_code : kExitOwnFault;
}

}  // namespace resume::agent

int main(int argc, char** argv) {
    try {
        return resume::agent::run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "resumectl: own fault: %s\n", error.what());
        return resume::agent::kExitOwnFault;
    }
}
