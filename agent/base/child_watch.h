// Word of a child's end, on the loop: whoever started it goes on meanwhile.
#pragma once

#include <functional>

#include "agent/base/event_loop.h"

namespace resume::agent {

class ChildWatch {
  public:
    using Ended = std::function<void(int status)>;

    explicit ChildWatch(EventLoop& loop) noexcept : loop_{loop} {}
    ~ChildWatch() { forget(); }
    ChildWatch(const ChildWatch&) = delete;
    ChildWatch& operator=(const ChildWatch&) = delete;

    /// Calls `ended` once, with the status of waitpid(2), when `pid` is over; the handler may watch
    /// another. One at a time. Returns 0 or an errno; the child is the caller's then.
    int watch(int pid, Ended ended);
    /// 0: none is watched.
    [[nodiscard]] int pid() const noexcept { return pid_; }
    /// The child is neither killed nor waited for.
    void forget();

  private:
    void look_later();
    void look();

    EventLoop& loop_;
    Ended ended_{};
    UniqueFd child_{};  ///< pidfd, where the kernel has them (5.3)
    int pid_ = 0;
    EventLoop::TimerId look_ = 0;  ///< for a kernel without pidfds, while a child runs
};

}  // namespace resume::agent
