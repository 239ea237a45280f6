// The daemon, put together: sources to observer to coordinator to reporter, and a socket.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "agent/act/announce.h"
#include "agent/act/clients.h"
#include "agent/act/clock.h"
#include "agent/act/coordinator.h"
#include "agent/act/disks.h"
#include "agent/act/freezer.h"
#include "agent/act/hook_participant.h"
#include "agent/act/probe.h"
#include "agent/act/recorder.h"
#include "agent/act/reseed.h"
#include "agent/config/config.h"
#include "agent/daemon/guest_watch.h"
#include "agent/daemon/service.h"
#include "agent/daemon/store_link.h"
#include "agent/observe/observer.h"

namespace resume::agent {

class Agent {
  public:
    /// `store` may be null. `config_path` is read again on SIGHUP.
    Agent(const Root& root, LoadedConfig config, std::string config_path,
          std::unique_ptr<GuestStore> store);
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;
    ~Agent();

    /// Runs until SIGTERM or SIGINT. Returns the process's exit status.
    int run();

  private:
    struct Wanted {
        Coordinator::Announcement announcement{};
        ServiceMeans::Answer answer{};
    };

    int open_signals();
    int open_socket();
    void on_signal();
    void reload();
    void on_reports(std::vector<oracle::CycleReport> reports);
    void watch_store();
    void publish_all();
    void on_lost_page(const MemoryFailure& failure);
    void on_logind();
    void on_store();
    void take_request();
    /// A device came, went or changed: its links are remembered when nothing is going on.
    void on_device();
    /// Queues an announcement for the loop's next turn. Returns its id, empty when it is refused at
    /// once.
    std::string want(const std::string& kind, bool freeze, unsigned ttl_s, unsigned deadline_ms,
                     ServiceMeans::Answer answer);
    void run_wanted();
    /// Once the kernel has nothing to say any more: a release may come right behind a resume.
    void release_when_quiet(const std::string& id);
    void pair_left_behind();
    void arm_poll();
    /// The verdict of the doctor after the cycles that were recorded since the last call.
    void look_after_cycles();
    void apply_log_level() const;
    [[nodiscard]] nlohmann::json status() const;
    [[nodiscard]] nlohmann::json sources_json() const;
    [[nodiscard]] nlohmann::json history(size_t count) const;
    [[nodiscard]] std::string new_id();

    Root root_;
    LoadedConfig loaded_;
    std::string config_path_;
    std::unique_ptr<GuestStore> store_;
    EventLoop loop_{};
    Sources sources_;
    std::unique_ptr<StorePublisher> publisher_{};
    Reporter reporter_;
    doctor::GuestRecord record_;
    VerdictKeeper doctor_;
    Coordinator coordinator_;
    TimeDaemonTeller time_daemon_;
    ClockParticipant clock_;
    Freezer freezer_;
    AnnounceParticipant links_;
    DiskParticipant disks_;
    ProbeParticipant probe_;
    ReseedParticipant reseed_;
    InventoryParticipant inventory_;
    RecorderParticipant recorder_;
    HookParticipant hooks_;
    Service service_;
    Clients clients_;
    Observer observer_;
    std::unique_ptr<StoreLink> link_{};  ///< none where there never was a connection
    UniqueFd signals_{};
    std::deque<Wanted> wanted_{};
    std::string logind_id_{};
    std::string host_request_{};        ///< the host's id of its last request
    std::string announced_for_host_{};  ///< the announcement that came of it
    EventLoop::TimerId poll_ = 0;
    EventLoop::TimerId device_timer_ = 0;
    EventLoop::TimerId lost_page_timer_ = 0;
    bool stopping_ = false;
    uint64_t announcements_ = 0;
    uint64_t judged_ = 0;  ///< cycles that the doctor's verdict takes in
};

}  // namespace resume::agent
