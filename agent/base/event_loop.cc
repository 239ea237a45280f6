#include "agent/base/event_loop.h"

#include <errno.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <system_error>

namespace resume::agent {

EventLoop::EventLoop() : epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
    if (!epoll_.valid()) {
        throw std::system_error{errno, std::generic_category(), "epoll_create1"};
    }
}

int EventLoop::watch(int fd, uint32_t events, FdHandler handler) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    // Whoever closed a descriptor without unwatching it left its number behind, so try both.
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0 &&
        (errno != ENOENT || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)) {
        return errno;
    }
    watches_[fd] = std::make_shared<Watch>(Watch{std::move(handler), next_serial_++});
    return 0;
}

void EventLoop::unwatch(int fd) {
    if (watches_.erase(fd) != 0) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    }
}

EventLoop::TimerId EventLoop::after(std::chrono::milliseconds delay, TimerHandler handler) {
    const TimerId id = next_timer_++;
    timers_.emplace(std::pair{Clock::now() + delay, id}, std::move(handler));
    return id;
}

void EventLoop::cancel(TimerId id) {
    std::erase_if(timers_, [id](const auto& timer) { return timer.first.second == id; });
}

int EventLoop::wait_ms(std::optional<std::chrono::milliseconds> limit) const {
    using std::chrono::milliseconds;
    std::optional<milliseconds> wait = limit;
    if (!timers_.empty()) {
        const auto left =
            std::chrono::ceil<milliseconds>(timers_.begin()->first.first - Clock::now());
        wait = std::min(wait.value_or(left), left);
    }
    if (!wait) {
        return -1;
    }
    return static_cast<int>(std::clamp<int64_t>(wait->count(), 0, 3'600'000));
}

bool EventLoop::run_timers() {
    bool ran = false;
    const auto now = Clock::now();
    while (!timers_.empty() && timers_.begin()->first.first <= now) {
        TimerHandler handler = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        handler();
        ran = true;
    }
    return ran;
}

bool EventLoop::step(std::optional<std::chrono::milliseconds> limit) {
    std::array<epoll_event, 32> ready{};
    const int count =
        ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), wait_ms(limit));
    // A handler may close a descriptor whose event is still in `ready`, and its number may come
    // back for another file: the serial tells them apart.
    const uint64_t newest = next_serial_;
    bool ran = false;
    for (int i = 0; i < count; ++i) {
        const auto& event = ready[static_cast<size_t>(i)];
        const auto found = watches_.find(event.data.fd);
        if (found == watches_.end() || found->second->serial >= newest) {
            continue;
        }
        const std::shared_ptr<Watch> watch = found->second;
        watch->handler(event.events);
        ran = true;
    }
    return run_timers() || ran;
}

}  // namespace resume::agent
