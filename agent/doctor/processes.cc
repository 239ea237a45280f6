#include "agent/doctor/processes.h"

#include <algorithm>

namespace resume::agent::doctor {
namespace {

bool is_pid(const std::string& name) {
    return !name.empty() && name.size() < 10 && name.find_first_not_of("0123456789") == name.npos;
}

// The state letter of /proc/PID/stat; the name before it may hold anything, so from its last ')'.
char state_of(const std::string& stat) {
    const auto paren = stat.rfind(')');
    return paren != stat.npos && paren + 2 < stat.size() ? stat[paren + 2] : '?';
}

std::string switches_of(const std::string& status) {
    std::string all;
    for (const std::string& line : lines(status)) {
        if (line.find("ctxt_switches") != line.npos) {
            all += line.substr(line.find(':') + 1);
        }
    }
    return all;
}

}  // namespace

std::vector<Process> processes(const Root& root) {
    std::vector<Process> found;
    for (const std::string& name : root.list("/proc")) {
        if (is_pid(name)) {
            found.push_back({std::stoi(name), root.line("/proc/" + name + "/comm")});
        }
    }
    std::sort(found.begin(), found.end(),
              [](const Process& left, const Process& right) { return left.pid < right.pid; });
    return found;
}

std::vector<StuckTask> uninterruptible_tasks(const Root& root) {
    std::vector<StuckTask> stuck;
    for (const Process& process : processes(root)) {
        const std::string base = "/proc/" + std::to_string(process.pid);
        if (root.read(base + "/cmdline", 16).text.empty()) {
            continue;  // a kernel thread: those that matter are frozen by other rules
        }
        for (const std::string& tid : root.list(base + "/task")) {
            const std::string task = base + "/task/" + tid;
            if (!is_pid(tid) || state_of(root.line(task + "/stat")) != 'D') {
                continue;
            }
            const std::string channel = root.line(task + "/wchan");
            stuck.push_back({.pid = process.pid,
                             .tid = std::stoi(tid),
                             .name = root.line(task + "/comm"),
                             .wait_channel = channel == "0" ? std::string{} : channel,
                             .switches = switches_of(root.read(task + "/status").text)});
        }
    }
    return stuck;
}

}  // namespace resume::agent::doctor
