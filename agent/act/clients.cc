#include "agent/act/clients.h"

#include <sys/random.h>

#include <algorithm>

#include "agent/base/log.h"

namespace resume::agent {

using nlohmann::json;

namespace {

std::string describe(const Subscriber& subscriber) {
    return (subscriber.label.empty() ? "a client" : subscriber.label) + " (pid " +
           std::to_string(subscriber.pid) + ", " + subscriber.executable + ")";
}

/// JSON readers keep whole numbers up to 2^53.
uint64_t first_hold() {
    uint32_t random = 0;
    [[maybe_unused]] const ssize_t ignored = ::getrandom(&random, sizeof random, GRND_NONBLOCK);
    return uint64_t{random} << 20 | 1;
}

}  // namespace

Clients::Clients(Cycle& cycle, EventLoop& loop, Send send, std::chrono::milliseconds deadline)
    : Participant{cycle, "clients", Pace::quick},
      loop_{loop},
      send_{std::move(send)},
      deadline_{deadline},
      next_hold_{first_hold()} {}

void Clients::subscribe(Subscriber subscriber) {
    subscriber.label = subscriber.label.substr(0, 64);
    subscribers_[subscriber.peer] = std::move(subscriber);
}

void Clients::gone(uint64_t peer) {
    subscribers_.erase(peer);
    waiting_.erase(peer);
    std::erase_if(holds_, [&](const auto& held) {
        if (held.second.peer != peer) {
            return false;
        }
        loop_.cancel(held.second.timer);
        return true;
    });
    look();
}

std::string Clients::token_of(uint64_t peer) {
    return cycle().id + "/" + std::to_string(peer);
}

bool Clients::answer(uint64_t peer, const std::string& token, bool ready,
                     const std::string& reason) {
    const auto waiting = waiting_.find(peer);
    if (waiting == waiting_.end() || waiting->second != token) {
        return false;
    }
    waiting_.erase(waiting);
    const auto& subscriber = subscribers_[peer];
    if (!ready && subscriber.trusted) {
        cycle().refused_by = describe(subscriber) + ": " + reason.substr(0, 200);
        settle(Errc::refused);
        return true;
    }
    if (!ready) {
        log(LogLevel::notice, "%s may not refuse: it is neither root nor in group libresume",
            describe(subscriber).c_str());
    }
    look();
    return true;
}

uint64_t Clients::hold(uint64_t peer, const std::string& label, std::chrono::seconds ttl) {
    const uint64_t id = next_hold_++;
    const auto timer = loop_.after(ttl, [this, id] {
        holds_.erase(id);
        look();
    });
    holds_[id] = {.peer = peer, .label = label.substr(0, 64), .timer = timer};
    return id;
}

bool Clients::release(uint64_t peer, uint64_t id) {
    const auto held = holds_.find(id);
    if (held == holds_.end() || held->second.peer != peer) {
        return false;
    }
    loop_.cancel(held->second.timer);
    holds_.erase(held);
    look();
    return true;
}

std::chrono::milliseconds Clients::patience() noexcept {
    const uint32_t all = cycle().deadline_ms;
    return all == 0 ? deadline_ : std::min(deadline_, std::chrono::milliseconds{all / 3 * 2});
}

void Clients::before(Done done) {
    waiting_.clear();
    done_ = std::move(done);
    for (const auto& [peer, subscriber] : subscribers_) {
        waiting_[peer] = token_of(peer);
    }
    for (const auto& [peer, token] : std::map{waiting_}) {
        const json event{{"event", "before"},
                         {"token", token},
                         {"kind", cycle().kind},
                         {"deadline_ms", patience().count()}};
        if (!send_(peer, event)) {
            waiting_.erase(peer);
        }
    }
    timer_ = loop_.after(patience(), [this] {
        name_late();
        settle(Errc::none);
    });
    look();
}

void Clients::look() {
    if (done_ && waiting_.empty() && holds_.empty()) {
        settle(Errc::none);
    }
}

void Clients::name_late() {
    auto& late = cycle().late;
    for (const auto& [peer, token] : waiting_) {
        late.push_back(describe(subscribers_[peer]));
    }
    for (const auto& [id, held] : holds_) {
        late.push_back("hold " + std::to_string(id) + " of " + held.label);
    }
    for (const auto& name : late) {
        log(LogLevel::warning, "%s was not ready within %lld ms", name.c_str(),
            static_cast<long long>(patience().count()));
    }
}

void Clients::settle(Errc code) {
    loop_.cancel(timer_);
    waiting_.clear();
    if (const Done done = std::move(done_)) {
        done_ = nullptr;
        done(code);
    }
}

void Clients::after(Outcome, Done done) {
    if (done_) {
        // The announcer's budget or the engine's deadline has passed before our patience.
        name_late();
    }
    loop_.cancel(timer_);
    done_ = nullptr;
    waiting_.clear();
    auto& report = cycle().report;
    const json event{{"event", "after"},          {"kind", report.kind},
                     {"outcome", report.outcome}, {"id", report.id},
                     {"late", cycle().late},      {"report", oracle::to_json(report)}};
    for (const auto& [peer, subscriber] : std::map{subscribers_}) {
        send_(peer, event);
    }
    done(Errc::none);
}

}  // namespace resume::agent
