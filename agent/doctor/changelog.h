// The changelog of the package that owns a kernel: the one witness of fixes that were taken back
// into an older version. Asked of rpm, in a child that the loop watches, so that nobody waits.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/event_loop.h"
#include "agent/doctor/known_bad.h"
#include "agent/doctor/release.h"
#include "agent/doctor/root.h"

namespace resume::agent::doctor {

/// Keeps of a changelog what the table asks for: its first line, which shows that there is one, and
/// the lines that mention a row's cause or fix. An Enterprise Linux kernel's has megabytes.
class ChangelogExtract {
  public:
    explicit ChangelogExtract(const KnownBadTable& table);
    void add(std::string_view chunk);
    /// What was kept, a line each; empty when nothing was added.
    [[nodiscard]] std::string take();
    void forget() {
        line_.clear();
        kept_.clear();
    }

  private:
    void end_line();

    std::vector<std::string> subjects_;
    std::string line_;
    std::string kept_;
};

/// One look-up at a time, on the loop's thread.
class ChangelogQuery {
  public:
    using Found = std::function<void(std::string extract)>;

    explicit ChangelogQuery(EventLoop& loop) : loop_{loop} {}
    ChangelogQuery(const ChangelogQuery&) = delete;
    ChangelogQuery& operator=(const ChangelogQuery&) = delete;
    /// Kills a look-up that still runs; `found` is not called then.
    ~ChangelogQuery();

    /// Calls `found` once, before it returns where no package is asked: kernels that are not
    /// Enterprise Linux's (no row of theirs wants a changelog), or no rpm. Empty: there is none.
    void ask(const Root& root, const Kernel& kernel, const KnownBadTable& table, Found found);

    /// For each package name that is tried.
    static constexpr std::chrono::milliseconds kPatience{10'000};

  private:
    void next();
    bool start(std::vector<std::string> command);
    void on_output();
    void end_output();
    void reap();

    EventLoop& loop_;
    std::vector<std::vector<std::string>> commands_{};  ///< yet to be tried, the first at the back
    ChangelogExtract extract_{{}};
    Found found_{};
    UniqueFd output_{};
    int pid_ = 0;  ///< of the child; 0: none
    size_t bytes_ = 0;
    EventLoop::TimerId limit_ = 0;
    EventLoop::TimerId reaper_ = 0;
};

/// The same for a program that has nothing else to do: waits for the answer.
std::string package_changelog(const Root& root, const Kernel& kernel, const KnownBadTable& table);

}  // namespace resume::agent::doctor
