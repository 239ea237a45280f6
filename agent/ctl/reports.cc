#include "agent/ctl/reports.h"

#include <stdio.h>
#include <sys/stat.h>

#include <algorithm>

#include "agent/base/files.h"
#include "agent/report/cycle_log.h"

namespace resume::agent {

using Json = nlohmann::ordered_json;

namespace {

std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
}

std::string member(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() ? "" : text_of(*found);
}

double number(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

const Json& list(const Json& object, const char* name) {
    static const Json empty = Json::array();
    const auto found = object.find(name);
    return found != object.end() && found->is_array() ? *found : empty;
}

std::string cause_of(const Json& report) {
    const auto found = report.find("cause");
    if (found == report.end() || !found->is_object()) {
        return {};
    }
    const std::string phase = member(*found, "phase");
    std::string who = member(*found, "device");
    who = who.empty() ? member(*found, "task") : who;
    const std::string code = member(*found, "errno_name");
    const std::string detail = member(*found, "detail");
    std::string text = phase.empty() ? "" : "in " + phase;
    text += who.empty() ? "" : (text.empty() ? "" : ": ") + who;
    text += code.empty() ? "" : " (" + code + ")";
    text += detail.empty() ? "" : (text.empty() ? "" : ", ") + detail;
    return text;
}

std::string row(const char* format, const std::string& a, const std::string& b, double ms) {
    char text[256];
    snprintf(text, sizeof text, format, a.c_str(), b.c_str(), ms);
    return text;
}

/// Device names come from the host: nothing of them reaches the terminal as a command.
std::string printable(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return (c < ' ' && c != '\n') || c == 127; }, '?');
    return text;
}

std::string slowest_devices(const Json& report) {
    std::vector<std::pair<double, const Json*>> devices;
    for (const auto& device : list(report, "devices")) {
        const double ms = (number(device, "end_ns") - number(device, "begin_ns")) / 1e6;
        const bool failed = number(device, "status") < 0;
        devices.emplace_back(failed ? 1e12 + ms : ms, &device);
    }
    std::sort(devices.begin(), devices.end(),
              [](const auto& a, const auto& b) { return a.first > b.first; });
    std::string text;
    for (size_t i = 0; i < std::min<size_t>(devices.size(), 8); ++i) {
        const double ms = devices[i].first >= 1e12 ? devices[i].first - 1e12 : devices[i].first;
        text += row("  %-32s %-16s %10.3f ms", member(*devices[i].second, "name"),
                    member(*devices[i].second, "phase"), ms);
        text += number(*devices[i].second, "status") < 0
                    ? "  FAILED " + member(*devices[i].second, "status") + "\n"
                    : "\n";
    }
    return text.empty() ? text : "slowest devices\n" + text;
}

}  // namespace

StoredReports read_reports(const std::string& path, size_t most) {
    StoredReports stored;
    std::deque<Json> newest;
    struct stat status {};
    const bool folder = ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    const std::vector<std::string> files =
        folder ? std::vector{path + "/cycles.jsonl.1", path + "/cycles.jsonl"} : std::vector{path};
    int error = 0;
    for (const auto& file : files) {
        error = for_each_report(file, 64U << 20, [&](std::string_view line) {
            Json report = Json::parse(line, nullptr, false);
            if (report.is_object()) {
                newest.push_back(std::move(report));
            }
            if (newest.size() > most) {
                newest.pop_front();
            }
        });
    }
    if (error != 0 && newest.empty()) {
        stored.problem = explain("cannot read " + files.back(), error);
    }
    stored.reports.assign(std::make_move_iterator(newest.begin()),
                          std::make_move_iterator(newest.end()));
    return stored;
}

const Json* find_report(const StoredReports& stored, const std::string& word) {
    const auto& reports = stored.reports;
    if (reports.empty()) {
        return nullptr;
    }
    if (word.empty() || word == "last") {
        return &reports.back();
    }
    if (const auto back = parse_number(word); back && word.size() < 7) {
        const auto count = static_cast<int64_t>(reports.size());
        return *back >= 1 && *back <= count ? &reports[static_cast<size_t>(count - *back)]
                                            : nullptr;
    }
    for (auto report = reports.rbegin(); report != reports.rend(); ++report) {
        if (member(*report, "id").ends_with(word)) {
            return &*report;
        }
    }
    return nullptr;
}

std::string summary_line(const Json& report) {
    char head[160];
    snprintf(head, sizeof head, "%-24s  %-11s %-9s %10.3f s  ",
             member(report, "begin_realtime").c_str(), member(report, "kind").c_str(),
             member(report, "outcome").c_str(), number(report, "duration_ns") / 1e9);
    return printable(head + cause_of(report));
}

std::string describe_report(const Json& report) {
    std::string text = summary_line(report) + "\n";
    text += "id          " + member(report, "id") + "\n";
    text += "confidence  " + member(report, "confidence") +
            (report.value("announced", false) ? ", announced\n" : ", not announced\n");
    if (!list(report, "steps").empty()) {
        text += "steps\n";
    }
    for (const auto& step : list(report, "steps")) {
        const double ms = (number(step, "end_ns") - number(step, "begin_ns")) / 1e6;
        text += row("  %-32s %-16s %10.3f ms\n", member(step, "name"), "", ms > 0 ? ms : 0);
    }
    text += slowest_devices(report);
    const auto section = [&](const char* name, auto&& line_of) {
        if (!list(report, name).empty()) {
            text += std::string{name} + "\n";
        }
        for (const auto& item : list(report, name)) {
            text += "  " + line_of(item) + "\n";
        }
    };
    section("checks", [](const Json& c) {
        return member(c, "status") + "  " + member(c, "id") + "  " + member(c, "detail");
    });
    section("changed", [](const Json& c) {
        return member(c, "what") + ": " + member(c, "from") + " -> " + member(c, "to");
    });
    section("violations",
            [](const Json& v) { return member(v, "id") + ": " + member(v, "detail"); });
    return printable(text);
}

}  // namespace resume::agent
