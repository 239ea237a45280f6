// Other agents that fight over the same settings, holders of the xenstore device, and device paths
// of a process that lead nowhere.
#include <algorithm>
#include <set>

#include "agent/doctor/checks.h"
#include "agent/doctor/processes.h"

namespace resume::agent::doctor {
namespace {

constexpr long long kHostBudgetMs = 60000;
constexpr const char* kOwnAgent = "resume-agent";
constexpr const char* kAgents[] = {"xe-daemon", "xen-guest-agent", "qemu-ga", "vmtoolsd"};
// Below /dev, and yet no device of the guest: memory, queues, terminals.
constexpr std::string_view kNoDevices[] = {"/dev/shm/",    "/dev/zero", "/dev/hugepages/",
                                           "/dev/mqueue/", "/dev/pts/", "/dev/fd/",
                                           "/dev/std"};

bool is_device_path(std::string_view path) {
    return path.rfind("/dev/", 0) == 0 &&
           std::none_of(std::begin(kNoDevices), std::end(kNoDevices),
                        [&](std::string_view other) { return path.rfind(other, 0) == 0; });
}

// Paths in an argument: the whole of it, or what follows a key: "file=...", "filename":"...". An
// image's path is often a symlink outside /dev that leads to a device. Text with blanks is a script
// or a sentence, and the paths in it are nobody's disks.
void paths_in(std::string_view argument, std::set<std::string>& paths) {
    constexpr std::string_view kEnds = ",\"'}";
    if (argument.find_first_of(" \t\n") != argument.npos) {
        return;
    }
    for (size_t at = argument.find('/'); at != argument.npos;) {
        const auto end = argument.find_first_of(kEnds, at);
        const std::string_view path = argument.substr(at, end == argument.npos ? end : end - at);
        const std::string_view before = argument.substr(0, at);
        const auto follows = [&](std::string_view key) {
            return before.size() >= key.size() && before.substr(before.size() - key.size()) == key;
        };
        const bool value = before.empty() || follows("=") || follows("\":\"");
        if ((value && is_device_path(path)) || follows("file=") || follows("\"filename\":\"")) {
            paths.emplace(path);
        }
        at = end == argument.npos ? end : argument.find('/', end);
    }
}

std::set<std::string> device_paths_of(const Root& root, const std::string& base) {
    std::set<std::string> paths;
    const Text arguments = root.read(base + "/cmdline", 1 << 20);
    std::string_view rest = arguments.text;
    while (!rest.empty()) {
        const auto end = rest.find('\0');
        paths_in(rest.substr(0, end), paths);
        rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    }
    for (const std::string& fd : root.list(base + "/fd")) {
        std::string target = root.link(base + "/fd/" + fd).value_or("");
        constexpr std::string_view kDeleted = " (deleted)";
        if (target.size() > kDeleted.size() &&
            target.compare(target.size() - kDeleted.size(), target.npos, kDeleted) == 0) {
            target.resize(target.size() - kDeleted.size());
        }
        if (is_device_path(target)) {
            paths.insert(target);
        }
    }
    return paths;
}

}  // namespace

void check_agents(const Context& context, std::vector<Finding>& findings) {
    std::vector<std::string> running;
    for (const Process& process : processes(context.root)) {
        if (std::find(std::begin(kAgents), std::end(kAgents), process.name) != std::end(kAgents)) {
            running.push_back(process.name + " (pid " + std::to_string(process.pid) + ")");
        }
    }
    Finding finding = fine(
        "agents", running.empty() ? "no other guest agent runs" : "running: " + some_of(running));
    const bool xe_daemon = std::any_of(running.begin(), running.end(), [](const std::string& name) {
        return name.rfind("xe-daemon", 0) == 0;
    });
    const long long timeout = context.root.number("/sys/power/pm_freeze_timeout").value_or(0);
    if (xe_daemon && timeout >= kHostBudgetMs) {
        finding.verdict = Verdict::warning;
        finding.evidence += "; xe-daemon raised the freeze time-out to " + std::to_string(timeout) +
                            " ms, beyond what libxl waits";
        finding.advice = {
            "set it back after xe-daemon started, unless only XAPI manages this host "
            "(it waits 20 minutes)"};
        finding.sources = {"xe-guest-utilities: xe-daemon.go, pull request 163"};
    }
    findings.push_back(std::move(finding));
}

void check_xenbus_holders(const Context& context, std::vector<Finding>& findings) {
    if (!is_xen_guest(context.platform.platform)) {
        return;
    }
    std::vector<std::string> holders;
    size_t hidden = 0;
    for (const Process& process : processes(context.root)) {
        if (process.name == kOwnAgent) {
            continue;  // opens no transaction, which is what a holder is feared for
        }
        const std::string base = "/proc/" + std::to_string(process.pid) + "/fd";
        const auto fds = context.root.list(base);
        hidden += fds.empty() && !context.root
                                      .read("/proc/" + std::to_string(process.pid) + "/cmdline", 16)
                                      .text.empty()
                      ? 1
                      : 0;
        for (const std::string& fd : fds) {
            const std::string target = context.root.link(base + "/" + fd).value_or("");
            if (target == "/dev/xen/xenbus" || target == "/proc/xen/xenbus") {
                holders.push_back(process.name + " (pid " + std::to_string(process.pid) + ")");
                break;
            }
        }
    }
    Finding finding =
        fine("xenbus-holders", holders.empty() ? "no process holds /dev/xen/xenbus open"
                                               : "hold /dev/xen/xenbus open: " + some_of(holders));
    finding.present = !holders.empty();
    if (holders.empty() && hidden > 0) {
        finding.unclear = true;  // which counts only where a row asks for holders
        finding.evidence = std::to_string(hidden) +
                           " processes' open files cannot be read (a root shell sees them): "
                           "whether one of them holds /dev/xen/xenbus is not known";
    }
    findings.push_back(std::move(finding));
}

// A disk's path that leads nowhere in its opener's mount namespace makes the host side fail when it
// opens the disk again: at the next migration, after the guest is already down.
void check_device_paths(const Context& context, std::vector<Finding>& findings) {
    if (!context.pid) {
        return;
    }
    const std::string base = "/proc/" + std::to_string(*context.pid);
    const auto unknown = [&](const std::string& why) {
        findings.push_back({.id = "device-path",
                            .verdict = Verdict::unknown,
                            .evidence = why,
                            .advice = {"give the pid of a running process, as root"},
                            .sources = {}});
    };
    if (!context.root.exists(base)) {
        return unknown("no process " + std::to_string(*context.pid));
    }
    const Root inside = context.root.within(base + "/root");
    if (!inside.exists("/") || inside.list("/").empty()) {
        return unknown(base + "/root cannot be looked into");
    }
    const auto paths = device_paths_of(context.root, base);
    std::vector<std::string> nowhere;
    for (const std::string& path : paths) {
        if (!inside.exists(path)) {
            const auto link = inside.link(path);
            nowhere.push_back(path + (link ? " (a link to " + *link + ")" : ""));
        }
    }
    if (nowhere.empty()) {
        findings.push_back(fine("device-path", counted(paths.size(), "device path") +
                                                   " of process " + std::to_string(*context.pid) +
                                                   ", all of them lead somewhere"));
        return;
    }
    findings.push_back({.id = "device-path",
                        .verdict = Verdict::unsafe,
                        .evidence = "in the mount namespace of process " +
                                    std::to_string(*context.pid) +
                                    ", lead nowhere: " + some_of(nowhere),
                        .advice = {"make the path lead to the disk again (the old name as a "
                                   "symlink) before the next migration: it opens the disk anew"},
                        .sources = {"StorPool 2024-03-05, The failed live migration case",
                                    "qemu: block.c: bdrv_inactivate_all"}});
}

}  // namespace resume::agent::doctor
