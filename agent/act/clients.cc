#include "agent/act/clients.h"

#include "agent/base/log.h"

namespace resume::agent {

using nlohmann::json;

namespace {

std::string describe(const Subscriber& subscriber) {
    return (subscriber.label.empty() ? "a client" : subscriber.label) + " (pid " +
           std::to_string(subscriber.pid) + ", " + subscriber.executable + ")";
}

}  // namespace

Clients::Clients(Cycle& cycle, EventLoop& loop, Send send)
    : Participant{cycle, "clients", Pace::quick}, loop_{loop}, send_{std::move(send)} {}

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

void Clients::before(Done done) {
    late_.clear();
    waiting_.clear();
    done_ = std::move(done);
    for (const auto& [peer, subscriber] : subscribers_) {
        waiting_[peer] = token_of(peer);
    }
    for (const auto& [peer, token] : std::map{waiting_}) {
        const json event{{"event", "before"},
                         {"token", token},
                         {"kind", cycle().kind},
                         {"deadline_ms", kDeadline.count()}};
        if (!send_(peer, event)) {
            waiting_.erase(peer);
        }
    }
    timer_ = loop_.after(kDeadline, [this] {
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
    for (const auto& [peer, token] : waiting_) {
        late_.push_back(describe(subscribers_[peer]));
    }
    for (const auto& [id, held] : holds_) {
        late_.push_back("hold " + std::to_string(id) + " of " + held.label);
    }
    for (const auto& name : late_) {
        log(LogLevel::warning, "%s was not ready within %lld ms", name.c_str(),
            static_cast<long long>(kDeadline.count()));
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
    // The engine's deadline may have passed before ours.
    loop_.cancel(timer_);
    done_ = nullptr;
    waiting_.clear();
    auto& report = cycle().report;
    const json event{
        {"event", "after"}, {"kind", report.kind}, {"outcome", report.outcome},
        {"id", report.id},  {"late", late_},       {"report", oracle::to_json(report)}};
    for (const auto& [peer, subscriber] : std::map{subscribers_}) {
        send_(peer, event);
    }
    late_.clear();
    done(Errc::none);
}

}  // namespace resume::agent
