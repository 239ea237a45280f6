#include "tests/stress/real/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

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

/// Takes what it says until it has nothing more to say; false: the deadline came first.
bool listen(const Child& child, Clock::time_point deadline, std::string& output) {
    char chunk[1024];
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) {
            return false;
        }
        pollfd waited{.fd = child.output.get(), .events = POLLIN, .revents = 0};
        if (::poll(&waited, 1, static_cast<int>(left.count())) <= 0) {
            continue;  // a signal, or the deadline
        }
        const ssize_t count = ::read(child.output.get(), chunk, sizeof chunk);
        if (count <= 0) {
            return true;
        }
        output.append(chunk, std::min(static_cast<size_t>(count), kMostOutput - output.size()));
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
    // Its end of the pipe is open as long as anything that it started lives.
    result.timed_out = !listen(child, Clock::now() + patience, result.output);
    if (result.timed_out) {
        ::kill(-child.pid, SIGKILL);
    }
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
}

}  // namespace resume::stress::real
