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

std::vector<std::string> names_in(const std::string& list) {
    std::vector<std::string> names;
    size_t begin = 0;
    while (begin < list.size() && names.size() < 256) {
        const size_t end = std::min(list.find('\0', begin), list.size());
        names.push_back(list.substr(begin, end - begin));
        begin = end + 1;
    }
    return names;
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

std::vector<std::string> unconnected_frontends(GuestStore& store) {
    constexpr const char* kConnected = "4";
    std::vector<std::string> bad;
    for (const std::string& type : names_in(store.list("device").value)) {
        for (const std::string& number : names_in(store.list("device/" + type).value)) {
            const std::string path = "device/" + type + "/" + number;
            const auto state = store.read(path + "/state");
            const auto backend = store.read(path + "/backend");
            if (!state.ok() || !backend.ok()) {
                continue;  // no frontend, or none that is ours to read
            }
            const auto other = store.read(backend.value + "/state");
            if (state.value != kConnected || (other.ok() && other.value != kConnected)) {
                bad.push_back(type + "/" + number + ": state " + state.value + ", backend " +
                              (other.ok() ? other.value : "unreadable"));
            }
        }
    }
    return bad;
}

DiskParticipant::DiskParticipant(Cycle& cycle, EventLoop& loop, const Root& root, GuestStore* store)
    : Participant{cycle, "disks", Pace::quick}, loop_{loop}, root_{root}, store_{store} {}

void DiskParticipant::after(Outcome, Done done) {
    first_ = read_disks(root_);
    looks_ = 0;
    look(std::move(done));
}

void DiskParticipant::look(Done done) {
    const auto now = read_disks(root_);
    const bool frontends_back =
        store_ == nullptr || store_->fd() < 0 || unconnected_frontends(*store_).empty();
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
    if (store_ != nullptr && store_->fd() >= 0) {
        for (const auto& bad : unconnected_frontends(*store_)) {
            add_check("frontend", "warning", bad);
        }
    }
    done(Errc::none);
}

}  // namespace resume::agent
