#include "drivers/model/disk_host.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace resume::model {
namespace {

CauseChain because(std::string what, CauseChain cause) {
    cause.causes.insert(cause.causes.begin(), std::move(what));
    return cause;
}

CauseChain system_error(const std::string& path) {
    return {{"open '" + path + "'", std::strerror(errno)}};
}

bool same_file(int left, int right) {
    struct stat mine {};
    struct stat other {};
    if (::fstat(left, &mine) != 0 || ::fstat(right, &other) != 0) {
        return false;
    }
    return S_ISBLK(mine.st_mode) && S_ISBLK(other.st_mode)
               ? mine.st_rdev == other.st_rdev
               : mine.st_dev == other.st_dev && mine.st_ino == other.st_ino;
}

}  // namespace

std::string CauseChain::text() const {
    std::string whole;
    for (const std::string& cause : causes) {
        whole += (whole.empty() ? "" : ": ") + cause;
    }
    return whole;
}

DiskHost::~DiskHost() {
    for (const Disk& disk : disks_) {
        ::close(disk.fd);
    }
}

// The old file stays open until the new one is: a disk that cannot be reopened is as it was.
Outcome DiskHost::reopen(Disk& disk, bool writable) {
    const int fd = ::open(disk.path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (fd < 0) {
        return system_error(disk.path);
    }
    if (disk.fd >= 0 && !same_file(disk.fd, fd)) {
        ::close(fd);
        return CauseChain{{"'" + disk.path + "' is another file now"}};
    }
    if (disk.fd >= 0) {
        ::close(disk.fd);
        ++disk.reopened;
    }
    disk.fd = fd;
    disk.writable = writable;
    return {};
}

Outcome DiskHost::add(std::string name, std::string path, std::vector<std::string> users) {
    Disk disk;
    disk.name = std::move(name);
    disk.path = std::move(path);
    for (std::string& user : users) {
        disk.users.push_back({std::move(user), false});
    }
    if (auto failed = reopen(disk, true)) {
        return because("disk '" + disk.name + "'", *failed);
    }
    disks_.push_back(std::move(disk));
    return {};
}

// Everything that the end of the migration will need, tried while the guest still runs and without
// changing anything.
Outcome DiskHost::preflight() const {
    for (const Disk& disk : disks_) {
        const int fd = ::open(disk.path.c_str(), O_RDONLY | O_CLOEXEC);
        Outcome failed;
        if (fd < 0) {
            failed = system_error(disk.path);
        } else if (!same_file(disk.fd, fd)) {
            failed = CauseChain{{"'" + disk.path + "' is another file now"}};
        }
        if (fd >= 0) {
            ::close(fd);
        }
        if (failed) {
            return because("migration refused, the guest runs on",
                           because("disk '" + disk.name + "'", *failed));
        }
    }
    return {};
}

// Its users give up writing, then the file is opened read-only. With the bug, a user that gave up
// in an earlier attempt counts as done, and the file behind it is never looked at.
Outcome DiskHost::inactivate(Disk& disk) {
    bool done_before = false;
    for (User& user : disk.users) {
        done_before = done_before || user.disabled;
        user.disabled = true;
    }
    if (bugs_.leave_inactive && done_before && disk.writable) {
        return CauseChain{
            {"disk '" + disk.name + "'", "its users still need to write", std::strerror(EPERM)}};
    }
    if (auto failed = reopen(disk, false)) {
        if (!bugs_.leave_inactive) {
            for (User& user : disk.users) {
                user.disabled = false;
            }
        }
        return because("disk '" + disk.name + "'", *failed);
    }
    return {};
}

Outcome DiskHost::inactivate_all() {
    for (Disk& disk : disks_) {
        if (auto failed = inactivate(disk)) {
            return because("inactivating the disks", *failed);
        }
    }
    return {};
}

Outcome DiskHost::activate(Disk& disk) {
    if (!disk.writable) {
        if (auto failed = reopen(disk, true)) {
            return because("disk '" + disk.name + "' stays inactive", *failed);
        }
    }
    for (User& user : disk.users) {
        user.disabled = false;
    }
    return {};
}

// The way back: what was inactivated is activated, all of it, and the guest runs only if all of it
// came back: a vCPU on an inactive disk would end the process (P1).
Outcome DiskHost::resume_guest(CauseChain why) {
    for (Disk& disk : disks_) {
        const bool touched =
            !disk.writable || std::any_of(disk.users.begin(), disk.users.end(),
                                          [](const User& user) { return user.disabled; });
        if (!touched || (bugs_.leave_inactive && disk.writable)) {
            continue;
        }
        if (auto failed = activate(disk)) {
            why.causes.insert(why.causes.begin(), "the guest stays down");
            why.causes.insert(why.causes.end(), failed->causes.begin(), failed->causes.end());
            return why;
        }
    }
    running_ = true;
    return fail(std::move(why));
}

Outcome DiskHost::fail(CauseChain chain) const {
    if (bugs_.swallow_cause) {
        return CauseChain{{"inactivating the disks failed (-1)"}};
    }
    return chain;
}

Outcome DiskHost::migrate(const std::function<Outcome()>& hand_over) {
    if (left_ || !running_) {
        return CauseChain{{"migration refused", left_ ? "the guest left" : "the guest is down"}};
    }
    if (!bugs_.no_preflight) {
        if (auto failed = preflight()) {
            return fail(*failed);
        }
    }
    running_ = false;
    ++times_down_;
    if (auto failed = inactivate_all()) {
        return resume_guest(because("migration failed", *failed));
    }
    if (auto failed = hand_over()) {
        return resume_guest(because("migration failed", because("the other side", *failed)));
    }
    left_ = true;
    return {};
}

const DiskHost::Disk* DiskHost::find(const std::string& name) const {
    const auto found = std::find_if(disks_.begin(), disks_.end(),
                                    [&](const Disk& disk) { return disk.name == name; });
    return found == disks_.end() ? nullptr : &*found;
}

int DiskHost::reopened(const std::string& name) const {
    const Disk* disk = find(name);
    return disk == nullptr ? 0 : disk->reopened;
}

bool DiskHost::active(const std::string& name) const {
    const Disk* disk = find(name);
    return disk != nullptr && disk->writable &&
           std::none_of(disk->users.begin(), disk->users.end(),
                        [](const User& user) { return user.disabled; });
}

std::optional<std::string> DiskHost::broken() const {
    for (const Disk& disk : disks_) {
        if (running_ && !active(disk.name)) {
            return "the guest runs, and disk '" + disk.name + "' is inactive";
        }
    }
    return std::nullopt;
}

}  // namespace resume::model
