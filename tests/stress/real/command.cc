#include "tests/stress/real/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/base/files.h"
#include "agent/base/unique_fd.h"

namespace resume::stress::real {

namespace {

using agent::UniqueFd;
using Clock = std::chrono::steady_clock;

constexpr size_t kMostOutput = 4096;

struct Child {
    pid_t pid = 0;
    UniqueFd output;
    int error = 0;
};

Child start(const std::string& command, const std::vector<std::string>& more) {
    Child child;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        child.error = errno;
        return child;
    }
    child.output = UniqueFd{ends[0]};
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    const UniqueFd write_end{ends[1]};
    std::vector<char*> environment;
    for (char** each = environ; *each != nullptr; ++each) {
        environment.push_back(*each);
    }
    for (const std::string& each : more) {
        environment.push_back(const_cast<char*>(each.c_str()));
    }
    environment.push_back(nullptr);
    const char* const arguments[] = {"sh", "-c", command.c_str(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDERR_FILENO);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    child.error = ::posix_spawn(&child.pid, "/bin/sh", &actions, &attributes,
                                const_cast<char* const*>(arguments), environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    return child;
}

void take_output(const Child& child, std::string& output) {
    char chunk[1024];
    ssize_t count = 0;
    while ((count = ::read(child.output.get(), chunk, sizeof chunk)) > 0) {
        output.append(chunk, std::min(static_cast<size_t>(count), kMostOutput - output.size()));
    }
}

/// Until the shell has ended, whatever it has started in the background; false: the deadline came
/// first.
bool wait_for(const Child& child, const UniqueFd& ended, Clock::time_point deadline,
              std::string& output) {
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) {
            return false;
        }
        pollfd waited[] = {{.fd = ended.get(), .events = POLLIN, .revents = 0},
                           {.fd = child.output.get(), .events = POLLIN, .revents = 0}};
        if (::poll(waited, 2, static_cast<int>(left.count())) <= 0) {
            continue;  // a signal, or the deadline
        }
        take_output(child, output);
        if (waited[0].revents != 0) {
            return true;
        }
        if ((waited[1].revents & POLLHUP) != 0) {  // it has closed its output and goes on
            waited[0].revents = 0;
            const auto rest =
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
            return ::poll(waited, 1, static_cast<int>(std::max<int64_t>(rest.count(), 0))) > 0;
        }
    }
}

}  // namespace

std::string CommandResult::text() const {
    if (!error.empty()) {
        return error;
    }
    const std::string first = output.substr(0, output.find('\n'));
    const std::string said = first.empty() ? "" : ": " + first;
    return (timed_out ? "no end in time" : "status " + std::to_string(status)) + said;
}

CommandResult run_shell(const std::string& command, const std::vector<std::string>& environment,
                        std::chrono::milliseconds patience) {
    CommandResult result;
    const Child child = start(command, environment);
    if (child.error != 0) {
        result.error = agent::explain("cannot run sh", child.error);
        return result;
    }
    const UniqueFd ended{static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0))};
    if (!ended.valid()) {
        result.error = agent::explain("cannot watch it (pidfd_open, Linux 5.3)", errno);
    } else {
        result.timed_out = !wait_for(child, ended, Clock::now() + patience, result.output);
    }
    if (!ended.valid() || result.timed_out) {
        ::kill(-child.pid, SIGKILL);
    }
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
}

}  // namespace resume::stress::real
