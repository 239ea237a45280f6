#include "agent/act/disks.h"

#include <unistd.h>

#include <filesystem>
#include <sstream>

namespace resume::agent {

namespace {

/// /sys/block/X/stat (Documentation/block/stat.rst): I/Os are fields 1, 5, 12 and 16; field 9 is in
/// flight.
DiskCounters parse_stat(const std::string& text) {
    std::istringstream in{text};
    DiskCounters counters;
    uint64_t value = 0;
    for (int field = 1; in >> value; ++field) {
        if (field == 1 || field == 5 || field == 12 || field == 16) {
            counters.completed += value;
        } else if (field == 9) {
            counters.inflight = value;
        }
    }
    return counters;
}

}  // namespace

std::map<std::string, DiskCounters> read_disks(const Root& root) {
    std::map<std::string, DiskCounters> disks;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{root("/sys/block"), error}) {
        const std::string folder = entry.path().string();
        const auto stat = read_line(folder + "/stat");
        if (stat && ::access((folder + "/device").c_str(), F_OK) == 0 && disks.size() < 1024) {
            disks[entry.path().filename().string()] = parse_stat(*stat);
        }
    }
    return disks;
}

std::vector<std::string> stuck_disks(const std::map<std::string, DiskCounters>& before,
                                     const std::map<std::string, DiskCounters>& after) {
    std::vector<std::string> stuck;
    for (const auto& [name, now] : after) {
        const auto then = before.find(name);
        if (then != before.end() && then->second.inflight != 0 && now.inflight != 0 &&
            then->second.completed == now.completed) {
            stuck.push_back(name);
        }
    }
    return stuck;
}

DiskParticipant::DiskParticipant(Cycle& cycle, EventLoop& loop, const Root& root, GuestStore* store)
    : Participant{cycle, "disks", Pace::quick}, loop_{loop}, root_{root}, store_{store} {
    remember();
}

bool DiskParticipant::has_store() const {
    return store_ != nullptr && store_->fd() >= 0;
}

void DiskParticipant::remember() {
    if (has_store()) {
        known_ = read_frontends(*store_);
    }
}

void DiskParticipant::after(Outcome, Done done) {
    first_ = read_disks(root_);
    looks_ = 0;
    look(std::move(done));
}

void DiskParticipant::look(Done done) {
    const auto now = read_disks(root_);
    const bool frontends_back = !has_store() || unconnected(read_frontends(*store_)).empty();
    if ((stuck_disks(first_, now).empty() && frontends_back) || kLook * ++looks_ > kPatience) {
        tell(std::move(done));
        return;
    }
    loop_.after(kLook, [this, done = std::move(done)] { look(done); });
}

void DiskParticipant::tell(Done done) {
    const auto disks = read_disks(root_);
    const auto stuck = stuck_disks(first_, disks);
    for (const auto& name : stuck) {
        add_check("disk:" + name, "failed",
                  "requests in flight and none completed within " +
                      std::to_string(kPatience.count()) + " ms");
    }
    if (stuck.empty() && !disks.empty()) {
        add_check("disks", "ok", std::to_string(disks.size()) + " looked at, by their counters");
    }
    if (has_store()) {
        auto now = read_frontends(*store_);
        for (const auto& bad : unconnected(now)) {
            add_check("frontend", "warning", bad);
        }
        name_dead(now, disks);
        known_ = std::move(now);
    }
    done(Errc::none);
}

void DiskParticipant::name_dead(const std::map<std::string, Frontend>& now,
                                const std::map<std::string, DiskCounters>& disks) {
    const auto& report = cycle().report;
    if (report.kind != "xen-suspend" || report.outcome == "resumed") {
        return;  // a new domain: everything is linked anew, and the backends know
    }
    for (const auto& [name, links] : relinked(known_, now)) {
        const std::string disk = disk_of(name);
        const auto then = first_.find(disk);
        const auto here = disks.find(disk);
        if (then != first_.end() && here != disks.end() &&
            here->second.completed != then->second.completed) {
            continue;  // it answers
        }
        add_check("frontend:" + name, "failed",
                  (disk.empty() ? name : disk) + " is dead: " + links +
                      " in the same domain, and its backend was not told; detach it before the "
                      "next suspend, which waits for whoever uses it");
    }
}

std::string DiskParticipant::disk_of(const std::string& frontend) const {
    std::string device = frontend;
    device.replace(device.find('/'), 1, "-");
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{
             root_("/sys/bus/xen/devices/" + device + "/block"), error}) {
        return entry.path().filename().string();
    }
    return {};
}

}  // namespace resume::agent
