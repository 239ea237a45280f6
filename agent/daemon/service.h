// io.libresume.Agent1: what programs may ask of the agent.
#pragma once

#include <functional>
#include <string>

#include "agent/act/clients.h"
#include "agent/daemon/server.h"

namespace resume::agent {

/// What the service needs of the agent.
struct ServiceMeans {
    std::function<nlohmann::json()> status{};
    std::function<nlohmann::json()> sources{};
    /// Newest `count` reports, oldest first.
    std::function<nlohmann::json(size_t count)> history{};
    /// The doctor's whole diagnosis, now.
    std::function<nlohmann::json()> doctor{};
    /// Queues an announcement; `answer` is called once.
    using Answer =
        std::function<void(bool ready, const std::string& id, const std::string& reason)>;
    std::function<void(const std::string& kind, bool freeze, unsigned ttl_s, unsigned deadline_s,
                       Answer answer)>
        prepare{};
    /// Ends the announcement of that id; "" ends whichever runs. Never an error.
    std::function<void(const std::string& id)> release{};
};

class Service {
  public:
    Service(EventLoop& loop, ServiceMeans means);

    int listen(const std::string& path);
    /// Set once the participants are made, before the loop runs.
    void use(Clients& clients) noexcept { clients_ = &clients; }
    /// One event for a subscriber.
    bool send_event(uint64_t peer, const nlohmann::json& event);
    [[nodiscard]] size_t connections() const noexcept { return server_.clients(); }

  private:
    void on_call(const Peer& peer, const VarlinkCall& call);
    void prepare(const Peer& peer, const VarlinkCall& call);
    void answer(const Peer& peer, const VarlinkCall& call);
    void hold(const Peer& peer, const VarlinkCall& call);
    void release(const Peer& peer, const VarlinkCall& call);
    void subscribe(const Peer& peer, const VarlinkCall& call);
    void reply(const Peer& peer, const VarlinkCall& call, const nlohmann::json& parameters);
    void fail(const Peer& peer, const VarlinkCall& call, const char* error,
              const nlohmann::json& parameters = {});

    ServiceMeans means_;
    Server server_;
    Clients* clients_ = nullptr;
};

}  // namespace resume::agent
