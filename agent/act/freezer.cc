#include "agent/act/freezer.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>

#include "agent/base/files.h"
#include "agent/base/log.h"

namespace resume::agent {

Freezer::Freezer(Cycle& cycle, EventLoop& loop, const Config& config, HelperPlace place)
    : Participant{cycle, "freeze", Pace::quick},
      loop_{loop},
      config_{config},
      place_{std::move(place)} {}

Freezer::~Freezer() {
    close();
}

void Freezer::close() {
    if (helper_.running()) {
        loop_.unwatch(helper_.fd());
    }
    helper_.end();  // it thaws when we are gone, if it has not yet
    inbox_.clear();
    if (frozen_) {
        frozen_ = false;
        release_log();
    }
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
    if (const int error = helper_.start(place_); error != 0) {
        cycle().refused_by = explain("freeze: cannot start " + place_.program, error);
        done(Errc::refused);
        return;
    }
    std::string request = "freeze " + std::to_string(config_.freeze_ttl_s) + "\n";
    for (const auto& mount : config_.freeze_mounts) {
        request += mount + "\n";
    }
    request += "\n";
    done_ = std::move(done);
    loop_.watch(helper_.fd(), EPOLLIN, [this](uint32_t) { on_answer(); });
    hold_log();
    if (const int error = helper_.send(request); error != 0) {
        release_log();
        cycle().refused_by = explain("freeze: the helper does not listen", error);
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
    const ssize_t count = ::recv(helper_.fd(), chunk.data(), chunk.size(), MSG_DONTWAIT);
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
        helper_.send("thaw\n");
        // The helper answers behind FITHAW: nothing of ours may touch a file before that.
        std::array<char, 64> answer{};
        ::recv(helper_.fd(), answer.data(), answer.size(), 0);
        close();
        add_check("freeze", "ok", "thawed");
    } else if (cycle().freeze && cycle().refused_by.empty()) {
        add_check("freeze", "warning", "thawed before it was over");
    }
    close();
    done(Errc::none);
}

}  // namespace resume::agent
