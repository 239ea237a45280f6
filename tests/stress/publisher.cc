#include "tests/stress/publisher.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

namespace resume::stress {

namespace {

constexpr const char* kVersion = "1 0.1.0";
constexpr std::size_t kIdMax = 64;

bool is_id(const std::string& word) {
    return !word.empty() && word.size() <= kIdMax &&
           std::all_of(word.begin(), word.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
           });
}

}  // namespace

constexpr DriverOps Publisher::kOps = {
    .driver = "publisher",
    .prepare = thread_down<&Publisher::prepare>,
    .complete = thread_up<&Publisher::complete>,
};

Publisher::Publisher(Store& store, Log log)
    : Device{kOps, "publisher"}, store_{store}, log_{std::move(log)} {}

std::string answer_to(const std::string& request) {
    std::istringstream words{request};
    std::string verb;
    std::string id;
    std::string kind;
    std::string seconds;
    std::string more;
    words >> verb >> id >> kind >> seconds;
    if (verb.empty() || (verb == "release" && is_id(id))) {
        return {};
    }
    const bool whole = verb == "prepare" && is_id(id) && !seconds.empty() && !(words >> more) &&
                       seconds.size() <= 5 &&
                       std::all_of(seconds.begin(), seconds.end(),
                                   [](unsigned char c) { return std::isdigit(c) != 0; });
    if (!whole) {
        return "refused " + (is_id(id) ? id : std::string{"-"}) +
               " not of the form: prepare ID KIND TTL_S";
    }
    return (kind == name_of(Kind::xen_suspend) ? "ready " : "unsupported ") + id;
}

void Publisher::start() {
    request_.path = "data/resume/request";
    request_.argument = this;
    request_.fired = [](void* self, const char*) noexcept {
        static_cast<Publisher*>(self)->request_fired_ = true;
    };
    if (const Result<> watched = store_.watch(request_); !watched.ok()) {
        log_(std::string{request_.path} + ": cannot watch: " + name_of(watched.error().code));
    }
    publish_all();
}

void Publisher::stop() {
    if (request_.registered) {
        (void)store_.unwatch(request_);
    }
}

void Publisher::serve() {
    if (store_.closed()) {
        return;
    }
    if (std::exchange(stale_, false)) {
        publish_all();
    }
    if (!request_fired_) {
        return;
    }
    request_fired_ = false;
    std::array<char, 256> value{};
    const Result<uint32_t> size = store_.read(request_.path, value.data(), value.size());
    if (!size.ok() || size.value() == 0) {
        return;
    }
    // Taken: a checkpoint of this guest must not find it again.
    if (const Result<> removed = store_.remove(request_.path); !removed.ok()) {
        log_(std::string{request_.path} + ": cannot remove: " + name_of(removed.error().code));
    }
    const std::string answer =
        answer_to({value.data(), std::min<std::size_t>(size.value(), value.size())});
    if (!answer.empty()) {
        answer_ = answer;
        put("answer", answer_);
    }
}

void Publisher::set_last(const std::string& report) {
    last_ = report;
    put("last", last_);
}

void Publisher::publish_all() {
    put("version", kVersion);
    put("state", state_);
    if (!last_.empty()) {
        put("last", last_);
    }
}

void Publisher::put(const char* node, const std::string& value) {
    const std::string path = std::string{"data/resume/"} + node;
    const Result<> written =
        store_.write(path.c_str(), value.data(), static_cast<uint32_t>(value.size()));
    if (!written.ok()) {
        log_(path + ": cannot write " + std::to_string(value.size()) +
             " bytes: " + name_of(written.error().code));
    }
}

Progress Publisher::prepare(ThreadContext&) noexcept {
    state_ = "going-down";
    put("state", state_);
    return Progress::done();
}

Progress Publisher::complete(ThreadContext&, Outcome outcome) noexcept {
    state_ = "up";
    outcome == Outcome::resumed ? publish_all() : put("state", state_);
    return Progress::done();
}

}  // namespace resume::stress
