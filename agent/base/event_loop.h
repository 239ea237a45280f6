// The daemon's one epoll loop: descriptors and one-shot timers, one thread. It sleeps without a
// time-out when no timer is armed, so an agent at rest does not wake up.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "agent/base/unique_fd.h"

namespace resume::agent {

class EventLoop {
  public:
    /// `events` are EPOLLIN, EPOLLHUP, ... A handler may add and remove descriptors and timers.
    using FdHandler = std::function<void(uint32_t events)>;
    using TimerHandler = std::function<void()>;
    using TimerId = uint64_t;
    using Clock = std::chrono::steady_clock;

    /// Throws std::system_error when the kernel gives no epoll descriptor.
    EventLoop();

    /// Watches `fd` for `events` until unwatch(); the caller keeps ownership and unwatches before
    /// closing. Returns 0 or an errno (EPERM: the file cannot be polled).
    int watch(int fd, uint32_t events, FdHandler handler);
    void unwatch(int fd);

    /// Calls `handler` once, `delay` from now or later. Monotonic time: a pause of the whole guest
    /// lets it fire at once.
    TimerId after(std::chrono::milliseconds delay, TimerHandler handler);
    /// Harmless for an id that has fired or never was.
    void cancel(TimerId id);

    /// Waits for at most `limit` (none: until something happens) and runs what is due. Returns
    /// false when nothing was.
    bool step(std::optional<std::chrono::milliseconds> limit = std::nullopt);

  private:
    struct Watch {
        FdHandler handler;
        uint64_t serial;
    };

    int wait_ms(std::optional<std::chrono::milliseconds> limit) const;
    bool run_timers();

    UniqueFd epoll_;
    std::map<int, std::shared_ptr<Watch>> watches_;
    std::map<std::pair<Clock::time_point, TimerId>, TimerHandler> timers_;
    TimerId next_timer_ = 1;
    uint64_t next_serial_ = 1;
};

}  // namespace resume::agent
