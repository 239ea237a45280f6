#include "agent/act/probe.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "agent/act/disks.h"
#include "agent/base/log.h"

namespace resume::agent {

namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<std::string> disks_to_probe(const Root& root,
                                        const std::vector<std::string>& suspects) {
    std::vector<std::string> names;
    for (const auto& [name, counters] : read_disks(root)) {
        if (read_number(root("/sys/block/" + name + "/removable")) != 1 &&
            name.find_first_of(" !\n") == std::string::npos && !contains(suspects, name)) {
            names.push_back(name);
        }
    }
    return names;
}

ProbeParticipant::ProbeParticipant(Cycle& cycle, EventLoop& loop, const Config& config,
                                   const Root& root, HelperPlace place)
    : Participant{cycle, "probe", Pace::quick},
      loop_{loop},
      config_{config},
      root_{root},
      place_{std::move(place)} {}

ProbeParticipant::~ProbeParticipant() {
    loop_.cancel(timer_);
    if (helper_.running()) {
        loop_.unwatch(helper_.fd());
    }
}

bool ProbeParticipant::get_ready(const std::vector<std::string>& suspects) {
    if (config_.disk_probe != "read") {
        if (helper_.running()) {
            loop_.unwatch(helper_.fd());
            helper_.let_go();
        }
        return true;
    }
    if (!helper_.running()) {
        known_.clear();
        inbox_.clear();
        if (const int error = helper_.start(place_); error != 0) {
            log(LogLevel::warning, "%s",
                explain("disks are not probed: cannot start " + place_.program, error).c_str());
            return false;
        }
        loop_.watch(helper_.fd(), EPOLLIN, [this](uint32_t) { on_answer(); });
    }
    return tell_disks(disks_to_probe(root_, suspects)) == 0;
}

int ProbeParticipant::tell_disks(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : known_) {
        text += contains(names, name) ? "" : "forget " + name + "\n";
    }
    for (const auto& name : names) {
        text += contains(known_, name) ? "" : "disk " + name + " " + root_("/dev/" + name) + "\n";
    }
    known_ = names;
    return text.empty() ? 0 : helper_.send(text);
}

void ProbeParticipant::after(Outcome, Done done) {
    const auto& report = cycle().report;
    if (config_.disk_probe != "read" || report.kind == "clock-step") {
        done(Errc::none);
        return;
    }
    std::vector<std::string> suspects;
    constexpr std::string_view kDisk = "disk:";
    for (const auto& check : report.checks) {
        if (check.status == "failed" && check.id.starts_with(kDisk)) {
            suspects.push_back(check.id.substr(kDisk.size()));
        }
    }
    done_ = std::move(done);
    answered_ = 0;
    if (!get_ready(suspects) ||
        helper_.send("probe " + std::to_string(kPatience.count()) + "\n") != 0) {
        finish("the helper is not there");
        return;
    }
    timer_ = loop_.after(2 * kPatience, [this] { finish("the helper does not answer"); });
}

void ProbeParticipant::on_answer() {
    std::array<char, 4096> chunk{};
    const ssize_t count = ::recv(helper_.fd(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (count <= 0) {
        loop_.unwatch(helper_.fd());
        helper_.let_go();
        finish("the helper is gone");
        return;
    }
    inbox_.append(chunk.data(), static_cast<size_t>(count));
    for (size_t end = inbox_.find('\n'); end != std::string::npos; end = inbox_.find('\n')) {
        const std::string line = inbox_.substr(0, end);
        inbox_.erase(0, end + 1);
        take(line);
    }
}

void ProbeParticipant::take(const std::string& line) {
    if (!done_) {
        return;  // of a probe that is over
    }
    if (line == ".") {
        finish(nullptr);
        return;
    }
    const size_t blank = line.find(' ');
    const std::string id = "disk:" + line.substr(0, blank);
    const std::string said = blank == std::string::npos ? "" : line.substr(blank + 1);
    const std::string word = said.substr(0, said.find(' '));
    const auto error = static_cast<int>(
        parse_number(said.substr(std::min(word.size() + 1, said.size()))).value_or(0));
    if (word == "ok") {
        ++answered_;
    } else if (word == "silent") {
        add_check(id, "failed",
                  "no answer to a read within " + std::to_string(kPatience.count()) + " ms");
    } else if (word == "failed") {
        add_check(id, "failed", explain("a read failed", error));
    } else if (word == "busy") {
        add_check(id, "inconclusive", "not asked: its queue is full, or an earlier read is out");
    } else if (word == "unsupported") {
        add_check(id, "inconclusive", explain("cannot be asked without waiting for it", error));
    }
}

void ProbeParticipant::finish(const char* problem) {
    loop_.cancel(timer_);
    if (const Done done = std::move(done_)) {
        done_ = nullptr;
        if (problem != nullptr) {
            add_check("probe", "inconclusive", problem);
        } else if (answered_ != 0) {
            add_check("probe", "ok", std::to_string(answered_) + " disks answered a read");
        }
        done(Errc::none);
    }
}

}  // namespace resume::agent
