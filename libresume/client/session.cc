#include "libresume/client/session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "libresume/client/client.h"

namespace resume::client {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

constexpr seconds kFirstPause{1};
constexpr seconds kLongestPause{60};
// A program that calls and never asks for events must not fill its memory with them.
constexpr size_t kMostEvents = 256;
// A report of a guest with thousands of devices has about 1 MiB.
constexpr size_t kMostBytes = 8UL << 20;

std::string text_of(const json& object, const char* name) {
    const auto value = object.find(name);
    return value != object.end() && value->is_string() ? value->get<std::string>() : "";
}

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

void Descriptor::reset(int fd) noexcept {
    if (fd_ >= 0) {
        ::close(fd_);
    }
    fd_ = fd;
}

Session::Session(std::string path, std::string label)
    : path_{std::move(path)}, label_{std::move(label)}, pause_{kFirstPause}, error_{ENOTCONN} {}

int Session::open() {
    if (path_.size() >= sizeof(sockaddr_un::sun_path)) {
        return ENAMETOOLONG;
    }
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    pending_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!epoll_.valid() || !timer_.valid() || !pending_.valid()) {
        return errno;
    }
    for (const int fd : {timer_.get(), pending_.get()}) {
        epoll_event event{};
        event.events = EPOLLIN;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
            return errno;
        }
    }
    connect();
    return 0;
}

void Session::connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path_.data(), path_.size());
    socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    epoll_event event{};
    event.events = EPOLLIN;
    // A local stream is connected at once or not at all: EAGAIN is a full backlog.
    if (!socket_.valid() ||
        ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
            0 ||
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket_.get(), &event) != 0) {
        error_ = errno;
        socket_.reset();
        look_again_later();
        return;
    }
    error_ = 0;
    pause_ = kFirstPause;
    push({.type = RESUME_CLIENT_CONNECTED});
    if (subscribed_) {
        subscribe();
    }
}

void Session::lose(int error) {
    if (!socket_.valid()) {
        return;
    }
    socket_.reset();
    inbox_.clear();
    error_ = error;
    // What an agent asked that is gone nobody waits for any more.
    std::erase_if(events_, [](const Event& event) { return event.type == RESUME_CLIENT_BEFORE; });
    push({.type = RESUME_CLIENT_DISCONNECTED});
    look_again_later();
}

void Session::look_again_later() {
    itimerspec when{};
    when.it_value.tv_sec = pause_.count();
    ::timerfd_settime(timer_.get(), 0, &when, nullptr);
    pause_ = std::min(pause_ * 2, kLongestPause);
}

void Session::subscribe() {
    subscribed_ = true;
    if (socket_.valid()) {
        if (const int error = send("Subscribe", {{"label", label_}}, true); error != 0) {
            lose(error);
        }
    }
}

int Session::send(const char* method, const json& parameters, bool more) {
    json message{{"method", std::string{"io.libresume.Agent1."} + method},
                 {"parameters", parameters}};
    if (more) {
        message["more"] = true;
    }
    const std::string bytes = dump(message) + '\0';
    // A call is far smaller than a socket's buffer: one that does not go out whole is to an agent
    // that reads nothing any more.
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) {
        return errno;
    }
    return static_cast<size_t>(sent) == bytes.size() ? 0 : EPIPE;
}

void Session::read_some() {
    std::array<char, 16384> chunk{};
    while (socket_.valid()) {
        const ssize_t count = ::read(socket_.get(), chunk.data(), chunk.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 && errno == EAGAIN) {
            return;
        }
        if (count <= 0) {
            lose(count == 0 ? ECONNRESET : errno);
            return;
        }
        inbox_.append(chunk.data(), static_cast<size_t>(count));
        size_t end = 0;
        while ((end = inbox_.find('\0')) != std::string::npos) {
            const std::string text = inbox_.substr(0, end);
            inbox_.erase(0, end + 1);
            take(text);
        }
        if (inbox_.size() > kMostBytes) {
            lose(EMSGSIZE);
        }
    }
}

void Session::take(const std::string& text) {
    const json message = json::parse(text, nullptr, false);
    if (!message.is_object()) {
        lose(EPROTO);
        return;
    }
    const auto found = message.find("parameters");
    const json parameters = found != message.end() && found->is_object() ? *found : json::object();
    if (const auto more = message.find("continues"); more != message.end() && *more == true) {
        take_event(parameters);
    } else if (waiting_) {
        const std::string error = text_of(message, "error");
        reply_ = {.error = 0, .parameters = parameters};
        if (error.ends_with(".PermissionDenied")) {
            reply_.error = EACCES;
        } else if (!error.empty()) {
            reply_.error = EPROTO;
        }
        replied_ = true;
    }
}

void Session::take_event(const json& parameters) {
    Event event{.token = text_of(parameters, "token"),
                .kind = text_of(parameters, "kind"),
                .outcome = text_of(parameters, "outcome"),
                .id = text_of(parameters, "id")};
    const std::string name = text_of(parameters, "event");
    if (name == "before") {
        event.type = RESUME_CLIENT_BEFORE;
        const auto deadline = parameters.find("deadline_ms");
        if (deadline != parameters.end() && deadline->is_number_unsigned()) {
            event.deadline_ms =
                static_cast<uint32_t>(std::min<uint64_t>(deadline->get<uint64_t>(), UINT32_MAX));
        }
    } else if (name == "after") {
        event.type = RESUME_CLIENT_AFTER;
        if (const auto report = parameters.find("report"); report != parameters.end()) {
            event.report = dump(*report);
        }
    } else {
        return;  // "subscribed", and what later agents may say
    }
    push(std::move(event));
}

void Session::push(Event event) {
    const auto is_of_connection = [](const Event& other) {
        return other.type == RESUME_CLIENT_CONNECTED || other.type == RESUME_CLIENT_DISCONNECTED;
    };
    if (is_of_connection(event)) {
        std::erase_if(events_, is_of_connection);  // only how it is now
    }
    if (events_.size() >= kMostEvents) {
        events_.erase(std::find_if_not(events_.begin(), events_.end(), is_of_connection));
    }
    events_.push_back(std::move(event));
    show_pending();
}

void Session::show_pending() noexcept {
    uint64_t count = 1;
    [[maybe_unused]] const ssize_t ignored = events_.empty()
                                                 ? ::read(pending_.get(), &count, sizeof count)
                                                 : ::write(pending_.get(), &count, sizeof count);
}

bool Session::next(Event& event) {
    uint64_t count = 0;
    if (::read(timer_.get(), &count, sizeof count) > 0 && !socket_.valid()) {
        connect();
    }
    read_some();
    if (events_.empty()) {
        return false;
    }
    event = std::move(events_.front());
    events_.pop_front();
    show_pending();
    return true;
}

Session::Reply Session::call(const char* method, const json& parameters) {
    read_some();
    if (!socket_.valid()) {
        connect();
    }
    if (!socket_.valid()) {
        return {.error = error_};
    }
    waiting_ = true;
    replied_ = false;
    if (const int error = send(method, parameters, false); error != 0) {
        lose(error);
    }
    const auto until = steady_clock::now() + milliseconds{RESUME_CLIENT_CALL_MS};
    while (socket_.valid() && !replied_) {
        const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
        pollfd ready{.fd = socket_.get(), .events = POLLIN, .revents = 0};
        if (left.count() <= 0) {
            lose(ETIMEDOUT);  // a reply that comes after all would be taken for the next call's
        } else if (::poll(&ready, 1, static_cast<int>(left.count())) > 0) {
            read_some();
        }
    }
    waiting_ = false;
    return replied_ ? std::move(reply_) : Reply{.error = error_};
}

}  // namespace resume::client
