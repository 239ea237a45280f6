#include "agent/ctl/hooks_command.h"

#include <errno.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/act/hooks.h"
#include "agent/ctl/exit_codes.h"

namespace resume::agent {

namespace {

int list(bool as_json, std::ostream& out) {
    int code = kExitGood;
    for (const Hook& hook : find_hooks(Root{})) {
        if (as_json) {
            out << nlohmann::ordered_json{{"name", hook.name},
                                          {"path", hook.path},
                                          {"masked", hook.masked},
                                          {"problem", hook.problem}}
                       .dump()
                << '\n';
            code = hook.problem.empty() ? code : kExitFinding;
            continue;
        }
        out << hook.name << "  " << hook.path;
        if (hook.masked) {
            out << "  masked";
        } else if (!hook.problem.empty()) {
            out << "  NOT RUN: " << hook.problem;
            code = kExitFinding;
        }
        out << '\n';
    }
    return code;
}

/// Runs one hook as the agent would: pre, then post.
int test(const std::string& name, const std::string& kind, std::ostream& out, std::ostream& err) {
    for (const Hook& hook : find_hooks(Root{})) {
        if (hook.name != name) {
            continue;
        }
        if (hook.masked || !hook.problem.empty()) {
            err << "resumectl: " << hook.path << (hook.masked ? " is masked" : " " + hook.problem)
                << '\n';
            return kExitFinding;
        }
        int code = kExitGood;
        EventLoop loop;
        HookRunner runner{loop, false};
        for (const bool post : {false, true}) {
            bool over = false;
            HookCall call{.post = post, .kind = kind, .outcome = post ? "resumed" : "-"};
            call.id = "test";
            call.deadline_ms = static_cast<uint32_t>(HookRunner::kEach.count());
            call.report = R"({"schema":"cycle-1","id":"test"})";
            runner.run({hook}, call, [&](const std::vector<HookResult>& results) {
                over = true;
                for (const auto& result : results) {
                    out << name << (post ? " post: " : " pre: ")
                        << (result.timed_out ? "killed after 10 s"
                                             : "exit " + std::to_string(result.status))
                        << '\n';
                    code = result.status != 0 && result.status != kHookNotApplicable ? kExitFinding
                                                                                     : code;
                }
            });
            while (!over) {
                loop.step();
            }
        }
        return code;
    }
    err << "resumectl: no hook of that name: " << name << '\n';
    return kExitUsage;
}

int mask(const std::string& name, std::ostream& out, std::ostream& err) {
    if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.')) {
        err << "resumectl: not the name of a hook: " << name << '\n';
        return kExitUsage;
    }
    const std::string path = std::string{kOwnHooks} + "/" + name;
    if (make_folders(kOwnHooks) != 0 || ::symlink("/dev/null", path.c_str()) != 0) {
        err << "resumectl: " << explain("cannot mask " + path, errno) << '\n';
        return errno == EACCES || errno == EPERM ? kExitNotAllowed : kExitFinding;
    }
    out << path << " -> /dev/null\n";
    return kExitGood;
}

}  // namespace

void add_hooks_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
    struct Options {
        std::string name{};
        std::string kind = "xen-suspend";
        bool json = false;
    };
    auto options = std::make_shared<Options>();
    CLI::App* hooks = app.add_subcommand("hooks", "what runs around a suspend");
    hooks->require_subcommand(1);
    CLI::App* list_command = hooks->add_subcommand("list", "every hook; 1: one is not run");
    list_command->add_flag("--json", options->json, "JSON Lines");
    list_command->callback([=, &out, &exit_code] { exit_code = list(options->json, out); });
    CLI::App* test_command = hooks->add_subcommand("test", "run one as the agent would");
    test_command->add_option("name", options->name)->required();
    test_command->add_option("--for", options->kind)->capture_default_str();
    test_command->callback(
        [=, &out, &err, &exit_code] { exit_code = test(options->name, options->kind, out, err); });
    CLI::App* mask_command = hooks->add_subcommand("mask", "do not run it any more");
    mask_command->add_option("name", options->name)->required();
    mask_command->callback(
        [=, &out, &err, &exit_code] { exit_code = mask(options->name, out, err); });
}

}  // namespace resume::agent
