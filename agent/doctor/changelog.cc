// The kernel package's own changelog: the one witness of backported fixes.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "agent/doctor/doctor.h"

extern char** environ;

namespace resume::agent::doctor {
namespace {

constexpr size_t kOutputMax = 16U << 20;
constexpr std::chrono::seconds kPatience{10};

// Reads until the end, the limit or the deadline.
std::string drain(int fd) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + kPatience;
    std::string text;
    char buffer[65536];
    while (text.size() < kOutputMax) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
        if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) {
            return {};
        }
        const ssize_t got = ::read(fd, buffer, sizeof buffer);
        if (got <= 0) {
            break;
        }
        text.append(buffer, static_cast<size_t>(got));
    }
    return text;
}

// The output of a program that ended well; empty otherwise.
std::string output_of(std::vector<std::string> arguments) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return {};
    }
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<char*> words;
    for (std::string& argument : arguments) {
        words.push_back(argument.data());
    }
    words.push_back(nullptr);
    pid_t child = 0;
    const int failed = ::posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (failed != 0) {
        ::close(ends[0]);
        return {};
    }
    std::string text = drain(ends[0]);
    ::close(ends[0]);
    if (text.empty()) {
        ::kill(child, SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : std::string{};
}

}  // namespace

std::string package_changelog(const Root& root, const Kernel& kernel) {
    if (kernel.vendor.rfind("el", 0) != 0) {
        return {};
    }
    const auto place = root.resolve("/");
    for (const char* package : {"kernel-core-", "kernel-uek-", "kernel-rt-core-", "kernel-"}) {
        std::vector<std::string> command{"rpm"};
        if (place && *place != "/") {
            command.insert(command.end(), {"--root", place->string()});
        }
        command.insert(command.end(), {"-q", "--changelog", package + kernel.release});
        if (std::string text = output_of(std::move(command)); !text.empty()) {
            return text;
        }
    }
    return {};
}

std::filesystem::path installed_table() {
    return RESUME_DOCTOR_DATADIR "/known-bad.toml";
}

}  // namespace resume::agent::doctor
