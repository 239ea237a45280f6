#include "agent/act/freezer.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>

#include "agent/base/files.h"
#include "agent/base/log.h"

namespace resume::agent {

Freezer::Freezer(Cycle& cycle, EventLoop& loop, const Config& config, FreezerMeans means)
    : Participant{cycle, "freeze", Pace::quick},
      loop_{loop},
      config_{config},
      means_{std::move(means)} {}

Freezer::~Freezer() {
    close();
}

void Freezer::close() {
    if (helper_.valid()) {
        loop_.unwatch(helper_.get());
        helper_.reset();  // the helper thaws when we are gone, if it has not yet
    }
    if (pid_ > 0) {
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    inbox_.clear();
    if (frozen_) {
        frozen_ = false;
        release_log();
    }
}

int Freezer::connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (means_.socket.size() >= sizeof address.sun_path) {
        return ENAMETOOLONG;
    }
    memcpy(address.sun_path, means_.socket.data(), means_.socket.size());
    helper_ = UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(helper_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
        0) {
        return 0;
    }
    return spawn();
}

int Freezer::spawn() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return errno;
    }
    helper_ = UniqueFd{ends[0]};
    const UniqueFd theirs{ends[1]};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDOUT_FILENO);
    char* const arguments[] = {means_.program.data(), nullptr};
    const int error =
        ::posix_spawn(&pid_, means_.program.c_str(), &actions, nullptr, arguments, environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        pid_ = 0;
        helper_.reset();
    }
    return error;
}

void Freezer::before(Done done) {
    if (!cycle().freeze) {
        done(Errc::none);
        return;
    }
    if (config_.freeze_mounts.empty() || cycle().kind != "snapshot") {
        cycle().refused_by = config_.freeze_mounts.empty() ? "freeze: act.freeze.mounts is empty"
                                                           : "freeze: only for a snapshot";
        done(Errc::refused);
        return;
    }
    if (const int error = connect(); error != 0) {
        cycle().refused_by = explain("freeze: cannot start " + means_.program, error);
        done(Errc::refused);
        return;
    }
    std::string request = "freeze " + std::to_string(config_.freeze_ttl_s) + "\n";
    for (const auto& mount : config_.freeze_mounts) {
        request += mount + "\n";
    }
    request += "\n";
    done_ = std::move(done);
    loop_.watch(helper_.get(), EPOLLIN, [this](uint32_t) { on_answer(); });
    hold_log();
    if (::send(helper_.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
        release_log();
        cycle().refused_by = explain("freeze: the helper does not listen", errno);
        finish(Errc::refused);
    }
}

void Freezer::finish(Errc code) {
    if (const Done done = std::move(done_)) {
        done_ = nullptr;
        done(code);
    }
}

void Freezer::on_answer() {
    std::array<char, 4200> chunk{};
    const ssize_t count = ::recv(helper_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    inbox_.append(chunk.data(), count > 0 ? static_cast<size_t>(count) : 0);
    const bool thawed = inbox_.find("thawed ") != std::string::npos;
    if (count <= 0 || thawed || inbox_.starts_with("failed ")) {
        const bool was_frozen = frozen_;
        const std::string said{trim(inbox_)};
        close();
        release_log();
        if (was_frozen || thawed) {
            log(LogLevel::warning, "file systems were thawed early: %s", said.c_str());
            if (expired_) {
                expired_();
            }
        } else {
            cycle().refused_by = "freeze: " + (said.empty() ? "the helper is gone" : said);
        }
        finish(Errc::refused);
    } else if (inbox_.starts_with("frozen\n")) {
        inbox_.clear();
        frozen_ = true;
        finish(Errc::none);
    }
}

void Freezer::after(Outcome, Done done) {
    if (frozen_) {
        ::send(helper_.get(), "thaw\n", 5, MSG_NOSIGNAL);
        // The helper answers behind FITHAW: nothing of ours may touch a file before that.
        std::array<char, 64> answer{};
        ::recv(helper_.get(), answer.data(), answer.size(), 0);
        close();
        add_check("freeze", "ok", "thawed");
    } else if (cycle().freeze && cycle().refused_by.empty()) {
        add_check("freeze", "warning", "thawed before it was over");
    }
    close();
    done(Errc::none);
}

}  // namespace resume::agent
