// hooks.d: executables of the guest's owner, run one after the other around each cycle. They go in
// C order on the way down and in reverse on the way up; /etc over /usr/lib; a link to /dev/null
// masks one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/base/child_watch.h"
#include "agent/base/files.h"

namespace resume::agent {

struct Hook {
    std::string name{};  ///< "50-database"
    std::string path{};
    bool masked = false;
    std::string problem{};  ///< why it will not be run; empty when it will
};

/// Hooks of both folders in C order. A hook must be a regular file, executable, owned by `owner`
/// and not writable by others; backups and packages' leftovers are not hooks at all.
std::vector<Hook> find_hooks(const Root& root, unsigned owner = 0);

inline constexpr const char* kOwnHooks = "/etc/libresume/hooks.d";
inline constexpr const char* kVendorHooks = "/usr/lib/libresume/hooks.d";

struct HookCall {
    bool post = false;
    std::string kind{};
    std::string outcome{};  ///< for post
    std::string id{};
    bool announced = false;
    uint32_t deadline_ms = 0;
    std::string report{};  ///< on stdin, for post
};

struct HookResult {
    std::string name{};
    int status = 0;  ///< exit status; 128 + signal
    bool timed_out = false;
    int error = 0;  ///< could not be started
};

inline constexpr int kHookVeto = 75;
inline constexpr int kHookNotApplicable = 254;

/// Runs hooks one by one on the loop. The results come when the last is through; a veto ends the
/// row (announced `pre` only).
class HookRunner {
  public:
    using Finished = std::function<void(std::vector<HookResult>)>;

    /// `manager`: start each in a transient unit of systemd's, out of the daemon's sandbox.
    HookRunner(EventLoop& loop, bool manager);
    ~HookRunner();
    HookRunner(const HookRunner&) = delete;
    HookRunner& operator=(const HookRunner&) = delete;

    void run(std::vector<Hook> hooks, HookCall call, Finished finished);
    [[nodiscard]] bool busy() const noexcept { return child_.pid() != 0; }
    /// Kills the running one and forgets the rest.
    void stop();

    static constexpr std::chrono::milliseconds kEach{10'000};

  private:
    void next();
    int start(const Hook& hook);
    void on_exit(int status);

    EventLoop& loop_;
    bool manager_;
    std::vector<Hook> hooks_{};
    size_t at_ = 0;
    HookCall call_{};
    Finished finished_{};
    std::vector<HookResult> results_{};
    ChildWatch child_;
    EventLoop::TimerId timer_ = 0;
    bool timed_out_ = false;
    uint64_t started_ = 0;
};

}  // namespace resume::agent
