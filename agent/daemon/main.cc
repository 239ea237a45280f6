// resume-agent: watches this guest's suspends and says what came of them.
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include <exception>

#include "agent/base/log.h"
#include "agent/daemon/agent.h"
#include "agent/daemon/place.h"

namespace {

using namespace resume::agent;

constexpr int kUsage = 64, kUnavailable = 69, kOwnFault = 70;

constexpr const char* kHelp =
    R"(usage: resume-agent [--config FILE] [--check-config | --dump-config]

Watches this guest's suspends, migrations and restores, and says what came of each.
See resumectl(1) for what it saw.

  -c, --config FILE   default /etc/libresume/agent.toml, with drop-ins in FILE.d/*.toml
      --check-config  name every mistake by file, line and key, and exit (1: there is one)
      --dump-config   print the configuration in force, each key with its meaning, and exit
  -h, --help          this text
  -V, --version       the version
)";

struct Options {
    std::string config = "/etc/libresume/agent.toml";
    bool check = false;
    bool dump = false;
};

/// The status to exit with, or -1 to go on.
int parse(int argc, char** argv, Options& options) {
    const option known[] = {
        {"config", required_argument, nullptr, 'c'}, {"check-config", no_argument, nullptr, 'k'},
        {"dump-config", no_argument, nullptr, 'd'},  {"help", no_argument, nullptr, 'h'},
        {"version", no_argument, nullptr, 'V'},      {nullptr, 0, nullptr, 0}};
    for (int word; (word = ::getopt_long(argc, argv, "c:hV", known, nullptr)) != -1;) {
        switch (word) {
            case 'c':
                options.config = optarg;
                break;
            case 'k':
                options.check = true;
                break;
            case 'd':
                options.dump = true;
                break;
            case 'h':
                fputs(kHelp, stdout);
                return 0;
            case 'V':
                puts("resume-agent 0.1.0");
                return 0;
            default:
                return kUsage;
        }
    }
    if (optind != argc) {
        fprintf(stderr, "resume-agent: unexpected argument: %s\n", argv[optind]);
        return kUsage;
    }
    return -1;
}

int check(const LoadedConfig& loaded) {
    for (const auto& problem : loaded.problems) {
        fprintf(stderr, "%s\n", problem.text().c_str());
    }
    return loaded.problems.empty() ? 0 : 1;
}

int serve(const Options& options, LoadedConfig loaded) {
    const Root root;
    if (const std::string reason = reason_to_refuse(root); !reason.empty()) {
        log(LogLevel::error, "%s", reason.c_str());
        return kUnavailable;
    }
    for (const auto& problem : loaded.problems) {
        log(problem.fatal ? LogLevel::error : LogLevel::warning, "%s", problem.text().c_str());
    }
    if (loaded.fatal()) {
        return kUsage;
    }
    std::unique_ptr<GuestStore> store;
    if (::access("/dev/xen/xenbus", F_OK) == 0 || ::access("/proc/xen/xenbus", F_OK) == 0) {
        store = std::make_unique<XenbusStore>(root);
    }
    Agent agent{root, std::move(loaded), options.config, std::move(store)};
    return agent.run();
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    if (const int status = parse(argc, argv, options); status >= 0) {
        return status;
    }
    configure_log(LogLevel::info, ::getenv("JOURNAL_STREAM") != nullptr);
    try {
        LoadedConfig loaded = load_config(Root{}, options.config);
        if (options.check) {
            return check(loaded);
        }
        if (options.dump) {
            fputs(dump_config(loaded.config).c_str(), stdout);
            return 0;
        }
        return serve(options, std::move(loaded));
    } catch (const std::exception& error) {
        log(LogLevel::error, "%s", error.what());
        return kOwnFault;
    }
}
