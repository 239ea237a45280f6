// The host's side of a migration's end: the disks' files are given up here and taken over there.
// After the report of a migration that failed, and every later one with it: one disk of several
// could not be given up, the others' state was not put back, and the log said "failed (-1)".
//
// The files are real ones: giving a disk up opens its path anew, read-only, in this process's mount
// namespace, which is where a path that vanished since shows.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace resume::model {

/// The mistakes of the report.
struct DiskHostBugs {
    bool leave_inactive =
        false;                   ///< a failed inactivation leaves its marks: the next one fails too
    bool swallow_cause = false;  ///< only the outermost error is told
    bool no_preflight = false;   ///< a vanished path shows only when the guest is already down
};

/// An error with its causes, from the outermost to the innermost.
struct CauseChain {
    std::vector<std::string> causes;

    [[nodiscard]] std::string text() const;  ///< joined by ": "
    [[nodiscard]] const std::string& innermost() const { return causes.back(); }
};
using Outcome = std::optional<CauseChain>;  ///< nothing: it went well

class DiskHost {
  public:
    explicit DiskHost(DiskHostBugs bugs = {}) : bugs_{bugs} {}
    ~DiskHost();
    DiskHost(const DiskHost&) = delete;
    DiskHost& operator=(const DiskHost&) = delete;

    /// Opens a disk read-write; `users` are those who write to it (the guest's device, a mirror).
    Outcome add(std::string name, std::string path, std::vector<std::string> users);

    /// A whole migration: preflight, pause, inactivate, hand over; on failure, everything that was
    /// inactivated is activated before the guest runs again. `hand_over` is the other side: what
    /// it could not do, or nothing.
    Outcome migrate(const std::function<Outcome()>& hand_over);

    [[nodiscard]] bool guest_running() const { return running_; }
    [[nodiscard]] bool guest_left() const { return left_; }
    /// How often the guest was taken down: a refusal before it costs nothing.
    [[nodiscard]] int times_down() const { return times_down_; }
    /// How often the disk's file was opened since add().
    [[nodiscard]] int reopened(const std::string& name) const;
    [[nodiscard]] bool active(const std::string& name) const;

    /// What must hold whenever the guest runs: every disk is open for writing and each of its users
    /// may write. Nothing when it holds, else which disk is not so.
    [[nodiscard]] std::optional<std::string> broken() const;

  private:
    struct User {
        std::string name;
        bool disabled = false;  ///< gave up its permission to write
    };
    struct Disk {
        std::string name;
        std::string path;
        std::vector<User> users;
        int fd = -1;
        bool writable = false;
        int reopened = 0;
    };

    Outcome preflight() const;
    Outcome inactivate(Disk& disk);
    Outcome inactivate_all();
    Outcome activate(Disk& disk);
    Outcome resume_guest(CauseChain why);
    Outcome fail(CauseChain chain) const;
    static Outcome reopen(Disk& disk, bool writable);
    [[nodiscard]] const Disk* find(const std::string& name) const;

    DiskHostBugs bugs_;
    std::vector<Disk> disks_;
    bool running_ = true;
    bool left_ = false;
    int times_down_ = 0;
};

}  // namespace resume::model
