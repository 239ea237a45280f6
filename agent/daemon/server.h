// The agent's socket: accepts, frames, bounds and remembers who is at the other end. What the
// messages mean is the service's (service.h).
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/base/event_loop.h"
#include "agent/daemon/varlink.h"

namespace resume::agent {

/// Who is at the other end (SO_PEERCRED, taken when it connected).
struct Peer {
    uint64_t id = 0;  ///< never used again in this run of the agent
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    std::string executable{};  ///< /proc/PID/exe, as far as it can be read
    bool trusted = false;      ///< root or group libresume: may refuse and hold
};

class Server {
  public:
    using OnCall = std::function<void(const Peer& peer, const VarlinkCall& call)>;
    using OnGone = std::function<void(uint64_t peer)>;

    Server(EventLoop& loop, OnCall on_call, OnGone on_gone);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    /// Binds `path`, 0660, group `group` when it exists. Returns 0 or an errno.
    int listen(const std::string& path, const std::string& group);

    /// Queues bytes; a client that does not read loses its connection at 256 KiB. False when it is
    /// gone.
    bool send(uint64_t peer, const std::string& bytes);
    [[nodiscard]] size_t clients() const noexcept { return clients_.size(); }

  private:
    struct Client {
        UniqueFd fd;
        Peer peer{};
        std::string in{};
        std::string out{};
    };

    void accept_one();
    void on_ready(uint64_t id, uint32_t events);
    void read_from(uint64_t id);
    bool flush(Client& client);
    void drop(uint64_t id);

    EventLoop& loop_;
    OnCall on_call_;
    OnGone on_gone_;
    std::string path_{};
    UniqueFd socket_{};
    int64_t group_ = -1;
    uint64_t next_id_ = 1;
    std::map<uint64_t, std::unique_ptr<Client>> clients_{};
};

/// The number of a group in /etc/group, -1 when there is none. Without NSS, so that a static agent
/// needs no shared library.
int64_t group_number(const std::string& group_file, const std::string& name);

}  // namespace resume::agent
