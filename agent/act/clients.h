// Programs that want to know: each subscriber is told before an announced suspend and after every
// one, may ask for time (a hold), and, when it is trusted, may refuse. Who is late is named.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "agent/act/participant.h"
#include "agent/base/event_loop.h"

namespace resume::agent {

struct Subscriber {
    uint64_t peer = 0;
    std::string label{};  ///< the client's own word for itself, cut at 64 bytes
    int pid = 0;
    std::string executable{};
    bool trusted = false;
};

class Clients final : public Participant {
  public:
    /// Sends one event to a subscriber; false when it is gone.
    using Send = std::function<bool(uint64_t peer, const nlohmann::json& event)>;
    Clients(Cycle& cycle, EventLoop& loop, Send send,
            std::chrono::milliseconds deadline = kDeadline);

    void subscribe(Subscriber subscriber);
    void gone(uint64_t peer);
    /// An answer to a token; a stale or foreign one is ignored (false).
    bool answer(uint64_t peer, const std::string& token, bool ready, const std::string& reason);

    /// Keeps announced suspends waiting, for at most `ttl`. Returns the hold's id.
    uint64_t hold(uint64_t peer, const std::string& label, std::chrono::seconds ttl);
    /// Only its own; ids are never used again. False for one that is over.
    bool release(uint64_t peer, uint64_t id);
    [[nodiscard]] size_t subscribers() const noexcept { return subscribers_.size(); }
    [[nodiscard]] size_t holds() const noexcept { return holds_.size(); }

    /// What a client has to get ready, and never more than two thirds of what the announcer gives
    /// for everything; the way down goes on without it then.
    static constexpr std::chrono::milliseconds kDeadline{5000};

  protected:
    void before(Done done) override;
    void after(Outcome outcome, Done done) override;

  private:
    struct Held {
        uint64_t peer;
        std::string label;
        EventLoop::TimerId timer;
    };

    [[nodiscard]] std::chrono::milliseconds patience() noexcept;
    void settle(Errc code);
    void look();
    void name_late();
    [[nodiscard]] std::string token_of(uint64_t peer);

    EventLoop& loop_;
    Send send_;
    std::map<uint64_t, Subscriber> subscribers_{};
    std::map<uint64_t, std::string> waiting_{};  ///< peer to token
    std::map<uint64_t, Held> holds_{};
    std::chrono::milliseconds deadline_;
    Done done_{};
    EventLoop::TimerId timer_ = 0;
    uint64_t next_hold_;  ///< begins at random: an id of an agent before this one is a stale one
};

}  // namespace resume::agent
