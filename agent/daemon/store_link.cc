#include "agent/daemon/store_link.h"

#include <sys/epoll.h>

#include <algorithm>

#include "agent/base/log.h"

namespace resume::agent {

StoreLink::StoreLink(EventLoop& loop, GuestStore& store, std::function<void()> ready,
                     std::function<void()> back, std::chrono::milliseconds first_delay)
    : loop_{loop},
      store_{store},
      ready_{std::move(ready)},
      back_{std::move(back)},
      first_delay_{first_delay} {}

StoreLink::~StoreLink() {
    loop_.cancel(timer_);
    if (watched_ >= 0) {
        loop_.unwatch(watched_);
    }
}

void StoreLink::tend() {
    if (store_.fd() >= 0) {
        if (watched_ < 0) {
            watched_ = store_.fd();
            loop_.watch(watched_, EPOLLIN, [this](uint32_t) { tend(); });
        }
        ready_();
    }
    if (store_.fd() >= 0 || lost_) {
        return;
    }
    if (watched_ >= 0) {
        loop_.unwatch(watched_);
        watched_ = -1;
    }
    lost_ = true;
    log(LogLevel::error, "xenstore: %s; the host is told nothing until it is there again",
        store_.state().detail.c_str());
    tries_ = 0;
    arm();
}

void StoreLink::try_again() {
    if (lost_) {
        tries_ = 0;
        attempt();
    }
}

void StoreLink::arm() {
    loop_.cancel(timer_);
    if (tries_ == kMostTries) {
        log(LogLevel::error,
            "xenstore: no connection after %d attempts (%s); the next one comes with the next "
            "suspend, or with SIGHUP",
            kMostTries, store_.state().detail.c_str());
        return;
    }
    timer_ =
        loop_.after(std::min(first_delay_ * (1 << tries_), kLongestDelay), [this] { attempt(); });
    ++tries_;
}

void StoreLink::attempt() {
    loop_.cancel(timer_);
    if (store_.reconnect() != 0) {
        arm();
        return;
    }
    lost_ = false;
    log(LogLevel::notice, "xenstore: connected again");
    back_();
    tend();
}

}  // namespace resume::agent
