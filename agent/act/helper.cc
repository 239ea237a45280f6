#include "agent/act/helper.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>

namespace resume::agent {

int Helper::start(const HelperPlace& place) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (place.socket.size() >= sizeof address.sun_path) {
        return ENAMETOOLONG;
    }
    memcpy(address.sun_path, place.socket.data(), place.socket.size());
    fd_ = UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        return 0;
    }
    return spawn(place.program);
}

int Helper::spawn(const std::string& program) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return errno;
    }
    fd_ = UniqueFd{ends[0]};
    const UniqueFd theirs{ends[1]};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDOUT_FILENO);
    std::string name = program;
    char* const arguments[] = {name.data(), nullptr};
    const int error = ::posix_spawn(&pid_, name.c_str(), &actions, nullptr, arguments, environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        pid_ = 0;
        fd_.reset();
    }
    return error;
}

int Helper::send(const std::string& text) const {
    const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(text.size()) ? 0 : sent < 0 ? errno : EPIPE;
}

void Helper::let_go() noexcept {
    fd_.reset();
    if (pid_ > 0) {
        ::waitpid(pid_, nullptr, WNOHANG);
        pid_ = 0;
    }
}

void Helper::end() noexcept {
    fd_.reset();
    if (pid_ > 0) {
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
}

}  // namespace resume::agent
