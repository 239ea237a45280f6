#include "agent/base/child_watch.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

namespace resume::agent {

namespace {

constexpr std::chrono::milliseconds kLookEvery{20};

}  // namespace

int ChildWatch::watch(int pid, Ended ended) {
    child_ = UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    if (!child_.valid() && errno != ENOSYS && errno != EPERM) {
        return errno;
    }
    pid_ = pid;
    ended_ = std::move(ended);
    if (!child_.valid()) {  // EPERM: a sandbox that does not know the call
        look_later();
        return 0;
    }
    const int error = loop_.watch(child_.get(), EPOLLIN, [this](uint32_t) { look(); });
    if (error != 0) {
        forget();
    }
    return error;
}

// Linux before 5.3 (Enterprise Linux 8 has 4.18). Not SIGCHLD: it would belong to the whole
// process, and two of them merge into one. Nothing wakes the agent when no child runs.
void ChildWatch::look_later() {
    look_ = loop_.after(kLookEvery, [this] {
        look_later();
        look();
    });
}

void ChildWatch::look() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) {
        return;
    }
    const Ended ended = std::move(ended_);
    forget();
    ended(status);
}

void ChildWatch::forget() {
    if (child_.valid()) {
        loop_.unwatch(child_.get());
        child_.reset();
    }
    loop_.cancel(look_);
    ended_ = nullptr;
    pid_ = 0;
}

}  // namespace resume::agent
