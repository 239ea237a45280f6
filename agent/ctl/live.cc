#include "agent/ctl/live.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "agent/ctl/agent_socket.h"
#include "agent/ctl/exit_codes.h"
#include "agent/ctl/reports.h"

namespace resume::agent {

using nlohmann::json;

namespace {

struct LiveOptions {
    std::string socket = kAgentSocket;
    bool json = false;
    std::string kind = "xen-suspend";
    std::string id{};
    bool freeze = false;
    bool wait = false;
    bool idle = false;
    unsigned timeout_s = 45;
    unsigned ttl_s = 60;
};

CLI::App* add(CLI::App& app, const char* name, const char* what,
              const std::shared_ptr<LiveOptions>& options) {
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("--socket", options->socket, "the agent's socket")->capture_default_str();
    return command;
}

int failed(const AgentReply& reply, std::ostream& err) {
    err << "resumectl: " << reply.problem << '\n';
    return reply.exit_code;
}

int status(const LiveOptions& options, std::ostream& out, std::ostream& err) {
    AgentSocket socket{options.socket};
    const AgentReply reply = socket.call("Status", json::object(), 10);
    if (!reply.ok()) {
        return failed(reply, err);
    }
    const json& status = reply.parameters;
    const uint64_t holds = status.value("holds", uint64_t{0});
    const bool busy = status.value("announced", false) || status.value("busy", false) || holds != 0;
    const int exit_code = options.idle && busy ? kExitFinding : kExitGood;
    if (options.json) {
        out << status.dump() << '\n';
        return exit_code;
    }
    out << "resume-agent " << status.value("version", "?") << ", pid " << status.value("pid", 0)
        << ": " << status.value("cycles", 0) << " seen, "
        << (status.value("announced", false) ? "a suspend is announced"
            : status.value("busy", false)    ? "something is going on"
                                             : "quiet")
        << (holds != 0 ? ", held by " + std::to_string(holds) : "") << '\n';
    if (const std::string verdict = status.value("doctor", ""); !verdict.empty()) {
        out << "doctor  " << verdict << '\n';
    }
    if (const auto last = status.find("last"); last != status.end() && last->is_object()) {
        out << "last    " << summary_line(nlohmann::ordered_json::parse(last->dump())) << '\n';
    }
    return exit_code;
}

int sources(const LiveOptions& options, std::ostream& out, std::ostream& err) {
    AgentSocket socket{options.socket};
    const AgentReply reply = socket.call("Sources", json::object(), 10);
    if (!reply.ok()) {
        return failed(reply, err);
    }
    for (const auto& source : reply.parameters.value("sources", json::array())) {
        if (options.json) {
            out << source.dump() << '\n';
            continue;
        }
        char line[400];
        snprintf(line, sizeof line, "%-14s %-4s %s\n", source.value("name", "?").c_str(),
                 source.value("available", false) ? "yes" : "no",
                 source.value("detail", "").c_str());
        out << line;
    }
    return kExitGood;
}

int exit_code_of(const std::string& outcome) {
    return outcome == "aborted"   ? kExitFinding
           : outcome == "unknown" ? kExitInconclusive
                                  : kExitGood;
}

/// Until the event behind the cycle comes, whose report is printed; or the announcement itself is
/// refused, on `calls`.
int wait_for_end(AgentSocket& events, AgentSocket& calls, const LiveOptions& options,
                 std::ostream& out, std::ostream& err) {
    for (bool announced = false;;) {
        const unsigned limit_s = options.ttl_s + options.timeout_s + 60;
        AgentSocket* const speaker =
            announced ? &events : AgentSocket::first_to_speak(events, calls, limit_s);
        const AgentReply reply = speaker != nullptr ? speaker->receive(limit_s)
                                                    : AgentReply{.exit_code = kExitTimedOut,
                                                                 .problem = "no answer in time"};
        if (!reply.ok()) {
            return failed(reply, err);
        }
        if (speaker == &calls) {
            announced = true;
            continue;
        }
        const std::string event = reply.parameters.value("event", "");
        if (event == "before") {
            events.send("Answer",
                        {{"token", reply.parameters.value("token", "")}, {"answer", "ready"}},
                        false);
        } else if (event == "after") {
            const auto report = nlohmann::ordered_json::parse(reply.parameters["report"].dump());
            out << (options.json ? report.dump() : summary_line(report)) << '\n';
            return exit_code_of(report.value("outcome", "unknown"));
        }
    }
}

int prepare(const LiveOptions& options, std::ostream& out, std::ostream& err) {
    AgentSocket events{options.socket};
    if (options.wait) {
        const AgentReply reply = [&] {
            events.send("Subscribe", {{"label", "resumectl prepare"}}, true);
            return events.receive(10);
        }();
        if (!reply.ok()) {
            return failed(reply, err);
        }
    }
    AgentSocket socket{options.socket};
    const json parameters{{"kind", options.kind},
                          {"freeze", options.freeze},
                          {"ttl_s", options.ttl_s},
                          {"deadline_s", options.timeout_s}};
    if (options.wait) {
        // Our own subscription is asked too: answered below, so the call must not wait for it.
        if (socket.send("Prepare", parameters, false) != 0) {
            return failed({.exit_code = kExitNoAgent, .problem = "no agent"}, err);
        }
        return wait_for_end(events, socket, options, out, err);
    }
    const AgentReply reply = socket.call("Prepare", parameters, options.timeout_s + 5);
    if (!reply.ok()) {
        return failed(reply, err);
    }
    out << reply.parameters.value("id", "") << '\n';
    return kExitGood;
}

int release(const LiveOptions& options, std::ostream&, std::ostream& err) {
    AgentSocket socket{options.socket};
    const AgentReply reply = socket.call("Release", {{"id", options.id}}, 10);
    return reply.ok() ? kExitGood : failed(reply, err);
}

}  // namespace

void add_status_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
    auto options = std::make_shared<LiveOptions>();
    CLI::App* command = add(app, "status", "is the agent there, and what did it see last", options);
    command->add_flag("--json", options->json, "as JSON");
    command->add_flag("--idle", options->idle,
                      "exit 1 while a suspend is announced, under way or held");
    command->callback([=, &out, &err, &exit_code] { exit_code = status(*options, out, err); });
}

void add_sources_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
    auto options = std::make_shared<LiveOptions>();
    CLI::App* command = add(app, "sources", "what the agent can see here, and why not", options);
    command->add_flag("--json", options->json, "JSON Lines");
    command->callback([=, &out, &err, &exit_code] { exit_code = sources(*options, out, err); });
}

void add_prepare_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
    auto options = std::make_shared<LiveOptions>();
    CLI::App* command =
        add(app, "prepare", "announce a suspend; 0: everything is ready, 1: refused", options);
    command->add_option("--for", options->kind, "what is coming")->capture_default_str();
    command->add_option("--timeout", options->timeout_s, "seconds to get ready in")
        ->capture_default_str();
    command->add_option("--ttl", options->ttl_s, "seconds until it is taken back")
        ->capture_default_str();
    command->add_flag("--freeze", options->freeze, "freeze act.freeze.mounts (a snapshot only)");
    command->add_flag("--wait", options->wait, "until it is over; prints what came of it");
    command->add_flag("--json", options->json, "the report as JSON");
    command->callback([=, &out, &err, &exit_code] { exit_code = prepare(*options, out, err); });
}

void add_release_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
    auto options = std::make_shared<LiveOptions>();
    CLI::App* command = add(app, "release", "take an announcement back; safe twice", options);
    command->add_option("id", options->id, "only that one");
    command->callback([=, &out, &err, &exit_code] { exit_code = release(*options, out, err); });
}

}  // namespace resume::agent
