#include "agent/ctl/history.h"

#include <CLI/CLI.hpp>

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <ostream>

#include "agent/base/files.h"
#include "agent/ctl/exit_codes.h"
#include "agent/ctl/reports.h"
#include "agent/ctl/trace_file.h"
#include "agent/report/timeline.h"

namespace resume::agent {

using Json = nlohmann::ordered_json;

namespace {

struct HistoryOptions {
    std::string folder = kStateFolder;
    size_t count = 20;
    std::string outcome{};
    std::string kind{};
    std::string since{};
    bool stats = false;
    bool json = false;
};

std::string word_of(const Json& report, const char* name) {
    const auto found = report.find(name);
    return found != report.end() && found->is_string() ? found->get<std::string>() : "";
}

bool wanted(const HistoryOptions& options, const Json& report) {
    return (options.outcome.empty() || word_of(report, "outcome") == options.outcome) &&
           (options.kind.empty() || word_of(report, "kind") == options.kind) &&
           // RFC 3339 in UTC sorts as text.
           (options.since.empty() || word_of(report, "begin_realtime") >= options.since);
}

void print_stats(const std::vector<const Json*>& reports, std::ostream& out) {
    std::map<std::pair<std::string, std::string>, std::vector<double>> groups;
    for (const Json* report : reports) {
        groups[{word_of(*report, "kind"), word_of(*report, "outcome")}].push_back(
            report->value("duration_ns", 0.0) / 1e9);
    }
    out << "kind         outcome      count   median s    worst s\n";
    for (auto& [key, seconds] : groups) {
        std::sort(seconds.begin(), seconds.end());
        char line[160];
        snprintf(line, sizeof line, "%-12s %-12s %5zu %10.3f %10.3f\n", key.first.c_str(),
                 key.second.c_str(), seconds.size(), seconds[seconds.size() / 2], seconds.back());
        out << line;
    }
}

int history(const HistoryOptions& options, std::ostream& out, std::ostream& err) {
    const StoredReports stored = read_reports(options.folder);
    if (!stored.problem.empty()) {
        err << "resumectl: " << stored.problem << '\n';
        return kExitUnreadable;
    }
    std::vector<const Json*> chosen;
    for (const auto& report : stored.reports) {
        if (wanted(options, report)) {
            chosen.push_back(&report);
        }
    }
    if (options.stats) {
        print_stats(chosen, out);
        return kExitGood;
    }
    const size_t first = chosen.size() > options.count ? chosen.size() - options.count : 0;
    for (size_t i = first; i < chosen.size(); ++i) {
        out << (options.json ? chosen[i]->dump() : summary_line(*chosen[i])) << '\n';
    }
    return kExitGood;
}

struct ShowOptions {
    std::string folder = kStateFolder;
    std::string cycle = "last";
    std::string output = "-";
    bool json = false;
};

int show(const ShowOptions& options, std::ostream& out, std::ostream& err) {
    const StoredReports stored = read_reports(options.folder);
    const Json* report = find_report(stored, options.cycle);
    if (report == nullptr) {
        err << "resumectl: "
            << (stored.problem.empty() ? "no such cycle: " + options.cycle : stored.problem)
            << '\n';
        return kExitUnreadable;
    }
    out << (options.json ? report->dump() + "\n" : describe_report(*report));
    return kExitGood;
}

/// Reports for a page: of one cycle, of a file of reports, or of a kernel's raw trace.
std::vector<std::string> reports_for(const ShowOptions& options, std::string& problem) {
    std::vector<std::string> lines;
    const bool is_file = ::access(options.cycle.c_str(), R_OK) == 0;
    const StoredReports stored = read_reports(is_file ? options.cycle : options.folder);
    if (!is_file) {
        if (const Json* report = find_report(stored, options.cycle)) {
            lines.push_back(report->dump());
        } else {
            problem = stored.problem.empty() ? "no such cycle: " + options.cycle : stored.problem;
        }
        return lines;
    }
    for (const auto& report : stored.reports) {
        lines.push_back(report.dump());
    }
    if (lines.empty()) {
        lines = reports_of_trace_file(options.cycle, problem);
    }
    return lines;
}

int timeline(const ShowOptions& options, std::ostream& out, std::ostream& err) {
    std::string problem;
    const auto lines = reports_for(options, problem);
    if (lines.empty()) {
        err << "resumectl: " << (problem.empty() ? "no cycle in " + options.cycle : problem)
            << '\n';
        return kExitUnreadable;
    }
    const std::string page = timeline_page(lines);
    if (options.output == "-") {
        out << page;
        return kExitGood;
    }
    if (const int error = replace_file(options.output, page); error != 0) {
        err << "resumectl: " << explain("cannot write " + options.output, error) << '\n';
        return kExitUnreadable;
    }
    return kExitGood;
}

}  // namespace

void add_history_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
    auto options = std::make_shared<HistoryOptions>();
    CLI::App* command = app.add_subcommand("history", "what was written down, newest last");
    command->add_option("-n,--count", options->count, "at most this many")->capture_default_str();
    command->add_option("--outcome", options->outcome, "only this outcome");
    command->add_option("--kind", options->kind, "only this kind");
    command->add_option("--since", options->since, "from this time on (RFC 3339, UTC)");
    command->add_flag("--stats", options->stats, "counts and times instead of lines");
    command->add_flag("--json", options->json, "JSON Lines");
    command->add_option("--folder", options->folder, "where cycles.jsonl is")
        ->capture_default_str();
    command->callback([=, &out, &err, &exit_code] { exit_code = history(*options, out, err); });
}

void add_show_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
    auto options = std::make_shared<ShowOptions>();
    CLI::App* command = app.add_subcommand("show", "one cycle in full");
    command->add_option("cycle", options->cycle, "id, its end, a number from the newest, or last");
    command->add_flag("--json", options->json, "the report itself");
    command->add_option("--folder", options->folder, "where cycles.jsonl is")
        ->capture_default_str();
    command->callback([=, &out, &err, &exit_code] { exit_code = show(*options, out, err); });
}

void add_timeline_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
    auto options = std::make_shared<ShowOptions>();
    CLI::App* command =
        app.add_subcommand("timeline", "a page that draws a cycle device by device");
    command->add_option("cycle", options->cycle,
                        "a cycle as for show, or a file of reports or trace");
    command->add_option("-o,--output", options->output, "file to write")->capture_default_str();
    command->add_option("--folder", options->folder, "where cycles.jsonl is")
        ->capture_default_str();
    command->callback([=, &out, &err, &exit_code] { exit_code = timeline(*options, out, err); });
}

void add_reset_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
    auto folder = std::make_shared<std::string>(kStateFolder);
    CLI::App* command =
        app.add_subcommand("reset", "forget the history, before an image is made of this guest");
    command->add_option("--folder", *folder, "where cycles.jsonl is")->capture_default_str();
    command->callback([=, &out, &err, &exit_code] {
        for (const char* name : {"/cycles.jsonl", "/cycles.jsonl.1"}) {
            const std::string path = *folder + name;
            if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
                err << "resumectl: " << explain("cannot remove " + path, errno) << '\n';
                exit_code = errno == EACCES || errno == EPERM ? kExitNotAllowed : kExitUnreadable;
                return;
            }
        }
        out << "the history in " << *folder << " is gone\n";
    });
}

}  // namespace resume::agent
