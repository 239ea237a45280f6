// Frontends, disks, tasks that cannot be frozen, drivers that refuse, FUSE.
#include <algorithm>

#include "agent/doctor/checks.h"

namespace resume::agent::doctor {
namespace {

void judge_disks(const std::map<std::string, DiskLook>& before,
                 const std::map<std::string, DiskLook>& after, std::vector<Finding>& findings) {
    std::vector<std::string> dead;
    for (const auto& [name, look] : after) {
        const auto first = before.find(name);
        if (first != before.end() && look.in_flight > 0 && first->second.in_flight > 0 &&
            look.completed == first->second.completed) {
            dead.push_back(name + " (" + std::to_string(look.in_flight) + " in flight)");
        }
    }
    if (dead.empty()) {
        findings.push_back(fine(
            "disks", counted(after.size(), "disk") + ", none with requests that do not finish"));
        return;
    }
    findings.push_back(
        {.id = "disks",
         .verdict = Verdict::warning,
         .evidence = "requests are in flight and none finished meanwhile: " + some_of(dead),
         .advice = {"look whether these disks answer at all before a suspend: a "
                    "task that waits for a dead one makes every suspend fail"},
         .sources = {}});
}

// A writer on a frozen file system sleeps in the superblock's write gate, a per-CPU rwsem.
bool waits_for_thaw(const StuckTask& task) {
    return task.wait_channel.find("sb_start_write") != std::string::npos ||
           task.wait_channel.find("percpu_rwsem_wait") != std::string::npos;
}

void judge_tasks(const std::vector<StuckTask>& before, const std::vector<StuckTask>& after,
                 std::vector<Finding>& findings) {
    std::vector<std::string> stuck;
    std::vector<std::string> frozen;
    for (const StuckTask& task : after) {
        if (std::find(before.begin(), before.end(), task) == before.end()) {
            continue;
        }
        const std::string where = task.wait_channel.empty() ? "" : " in " + task.wait_channel;
        (waits_for_thaw(task) ? frozen : stuck)
            .push_back(task.name + " (pid " + std::to_string(task.pid) + ")" + where);
    }
    if (!frozen.empty()) {
        findings.push_back(
            {.id = "frozen-fs",
             .verdict = Verdict::warning,
             .evidence = "waits to write to a frozen file system: " + some_of(frozen),
             .advice = {"thaw it (fsfreeze --unfreeze MOUNTPOINT); no suspend "
                        "succeeds before that"},
             .sources = {"linux: kernel/power/process.c: try_to_freeze_tasks"}});
    }
    if (!stuck.empty()) {
        findings.push_back(
            {.id = "tasks-stuck",
             .verdict = Verdict::warning,
             .evidence = "in uninterruptible sleep and not moving: " + some_of(stuck),
             .advice = {"such a task cannot be frozen, and the kernel refuses the "
                        "suspend; find what it waits for"},
             .sources = {"linux: kernel/power/process.c: try_to_freeze_tasks"}});
    }
    if (frozen.empty() && stuck.empty()) {
        findings.push_back(fine("tasks-stuck",
                                "no user task is stuck in uninterruptible sleep (a "
                                "frozen file system that nobody writes to shows "
                                "nowhere)"));
    }
}

// "hub port sta spd dev ..." lines; 006 is a port in use (linux: include/uapi/linux/usbip.h).
size_t vhci_connections(const Root& root, const std::string& device) {
    size_t used = 0;
    for (const std::string& name : root.list(device)) {
        if (name.rfind("status", 0) != 0) {
            continue;
        }
        for (const std::string& line : lines(root.read(device + "/" + name).text)) {
            const auto fields = words(line);
            used += fields.size() >= 3 && fields[2] == "006" ? 1 : 0;
        }
    }
    return used;
}

}  // namespace

void check_frontends(const Context& context, std::vector<Finding>& findings) {
    std::vector<std::string> connected;
    std::vector<std::string> other;
    for (const std::string& name : context.root.list("/sys/bus/xen/devices")) {
        const std::string state = context.root.line("/sys/bus/xen/devices/" + name + "/state");
        if (state == "Connected") {
            connected.push_back(name);
        } else if (!state.empty()) {
            other.push_back(name + " is " + state);
        }
    }
    if (other.empty()) {
        if (!connected.empty() || is_xen_guest(context.platform.platform)) {
            findings.push_back(fine("frontends", "connected: " + some_of(connected, 32)));
        }
        return;
    }
    findings.push_back({.id = "frontends",
                        .verdict = Verdict::warning,
                        .evidence = some_of(other) + "; connected: " + some_of(connected, 32),
                        .advice = {"look at the backend of these devices on the host"},
                        .sources = {"xen/include/public/io/xenbus.h"}});
}

void check_disks_and_tasks(const Context& context, std::vector<Finding>& findings) {
    Activity before = context.earlier ? *context.earlier : look_at_activity(context.root);
    Activity now = before;
    if (before.busy() && (context.earlier || context.settle)) {
        if (!context.earlier) {
            context.settle();
        }
        now = look_at_activity(context.root);
    } else {
        before = {};  // one look says nothing of what hangs
        now.tasks.clear();
    }
    judge_disks(before.disks, now.disks, findings);
    judge_tasks(before.tasks, now.tasks, findings);
}

void check_drivers(const Context& context, std::vector<Finding>& findings) {
    constexpr const char* kVhci = "/sys/bus/platform/drivers/vhci_hcd";
    size_t used = 0;
    bool there = false;
    for (const std::string& name : context.root.list(kVhci)) {
        if (name.rfind("vhci_hcd.", 0) == 0) {
            there = true;
            used += vhci_connections(context.root, std::string{kVhci} + "/" + name);
        }
    }
    if (used == 0) {
        findings.push_back(
            fine("drivers-refuse", there ? "vhci_hcd (USB/IP) is bound and has no connection"
                                         : "no driver is bound that is known to refuse a suspend"));
        return;
    }
    const bool xen = is_xen_guest(context.platform.platform);
    findings.push_back(
        {.id = "drivers-refuse",
         .verdict = xen ? Verdict::unsafe : Verdict::warning,
         .evidence = "vhci_hcd (USB/IP) has " + counted(static_cast<uint64_t>(used), "connection") +
                     " and refuses every suspend while it has" +
                     (xen ? "; on Xen, devices that were suspended before it stay dead" : ""),
         .advice = {"usbip detach --port=N for each port in use"},
         .sources = {"linux: drivers/usb/usbip/vhci_hcd.c: vhci_hcd_suspend",
                     "https://github.com/xcp-ng/xcp/issues/139"},
         .present = true});
}

void check_fuse(const Context& context, std::vector<Finding>& findings) {
    std::vector<std::string> mounts;
    for (const std::string& line : lines(context.root.read("/proc/self/mountinfo", 8 << 20).text)) {
        const auto fields = words(line);
        const auto dash = std::find(fields.begin(), fields.end(), "-");
        if (fields.size() > 5 && fields.end() - dash > 1 && dash[1].rfind("fuse", 0) == 0 &&
            dash[1] != "fusectl") {
            mounts.push_back(fields[4] + " (" + dash[1] + ")");
        }
    }
    if (mounts.empty()) {
        findings.push_back(fine("fuse", "no FUSE file system is mounted"));
        return;
    }
    findings.push_back(
        {.id = "fuse",
         .verdict = Verdict::warning,
         .evidence = "mounted: " + some_of(mounts) +
                     "; a task that waits for such a file system's server cannot be "
                     "frozen once the server is, and the suspend is refused",
         .advice = {"unmount what is not needed, or stop its users before a suspend"},
         .sources = {"https://github.com/libfuse/libfuse/issues/248",
                     "https://github.com/s3ql/s3ql/issues/454"}});
}

}  // namespace resume::agent::doctor
