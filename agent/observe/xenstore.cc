#include "agent/observe/xenstore.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <xen/io/xs_wire.h>

#include <array>

namespace resume::agent {

namespace {

constexpr int kAnswerMs = 2000;
constexpr size_t kMostEvents = 256;

struct ErrorName {
    const char* name;
    int error;
};
/// What xenstored sends as text (docs/misc/xenstore.txt).
constexpr std::array<ErrorName, 13> kErrors{{
    {"EINVAL", EINVAL},
    {"EACCES", EACCES},
    {"EEXIST", EEXIST},
    {"EISDIR", EISDIR},
    {"ENOENT", ENOENT},
    {"ENOMEM", ENOMEM},
    {"ENOSPC", ENOSPC},
    {"EIO", EIO},
    {"ENOSYS", ENOSYS},
    {"EROFS", EROFS},
    {"EBUSY", EBUSY},
    {"EAGAIN", EAGAIN},
    {"E2BIG", E2BIG},
}};

int error_named(std::string_view name) {
    for (const auto& known : kErrors) {
        if (name.starts_with(known.name)) {
            return known.error;
        }
    }
    return EIO;
}

UniqueFd never_blocks(UniqueFd fd) {
    if (fd.valid()) {
        ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
    }
    return fd;
}

UniqueFd open_device(const Root& root, std::string& problem) {
    for (const char* path : {"/dev/xen/xenbus", "/proc/xen/xenbus"}) {
        UniqueFd fd{::open(root(path).c_str(), O_RDWR | O_CLOEXEC)};
        if (fd.valid()) {
            return fd;
        }
        const int error = errno;
        problem = explain(std::string{"cannot open "} + path, error);
        if (error != ENOENT && error != ENXIO && error != ENODEV) {
            break;
        }
    }
    return {};
}

}  // namespace

XenbusStore::XenbusStore(const Root& root)
    : XenbusStore{[root](std::string& problem) { return open_device(root, problem); }} {}

XenbusStore::XenbusStore(Open open) : open_{std::move(open)}, fd_{never_blocks(open_(problem_))} {}

XenbusStore::XenbusStore(UniqueFd connection) : fd_{never_blocks(std::move(connection))} {}

int XenbusStore::reconnect() {
    lost_.reset();
    if (fd_.valid()) {
        return 0;
    }
    if (open_) {
        fd_ = never_blocks(open_(problem_));
    }
    if (!fd_.valid()) {
        return ENOTCONN;
    }
    // Asked before anything is watched: the device lets nobody out of write(2) before a watch is
    // answered, and a task that waits there cannot be frozen.
    StoreAnswer answer = read("domid");
    for (const auto& [path, token] : watches_) {
        if (fd_.valid()) {
            answer = request(XS_WATCH, path + '\0' + token + '\0');
        }
    }
    return fd_.valid() ? 0 : answer.error;
}

SourceState XenbusStore::state() const {
    return {.name = "xenstore",
            .available = fd_.valid(),
            .detail = fd_.valid() ? "the guest's own nodes" : problem_};
}

void XenbusStore::fail(int error) {
    problem_ = explain("lost the store's connection", error);
    lost_ = std::move(fd_);
    inbox_.clear();
}

int XenbusStore::send(uint32_t type, uint32_t id, const std::string& body) {
    xsd_sockmsg header{};
    header.type = type;
    header.req_id = id;
    header.len = static_cast<uint32_t>(body.size());
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    bytes += body;
    size_t sent = 0;
    while (sent < bytes.size()) {
        const ssize_t count = ::write(fd_.get(), bytes.data() + sent, bytes.size() - sent);
        if (count > 0) {
            sent += static_cast<size_t>(count);
            continue;
        }
        pollfd ready{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
        if (count < 0 && errno == EAGAIN && ::poll(&ready, 1, kAnswerMs) > 0) {
            continue;
        }
        if (count < 0 && errno == EINTR) {
            continue;
        }
        return errno == EAGAIN ? ETIMEDOUT : errno;
    }
    return 0;
}

int XenbusStore::fill(size_t wanted, int wait_ms) {
    while (inbox_.size() < wanted) {
        std::array<char, 4096> chunk{};
        // Not a byte more than asked for: the device hands out one message at a time.
        const size_t most = std::min(chunk.size(), wanted - inbox_.size());
        const ssize_t count = ::read(fd_.get(), chunk.data(), most);
        if (count > 0) {
            inbox_.append(chunk.data(), static_cast<size_t>(count));
            continue;
        }
        if (count == 0) {
            return ECONNRESET;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN) {
            return errno;
        }
        pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        const int woken = ::poll(&ready, 1, wait_ms);
        if (woken == 0) {
            return EAGAIN;
        }
        if (woken < 0 && errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

int XenbusStore::receive(Message& message, int wait_ms) {
    xsd_sockmsg header{};
    if (const int error = fill(sizeof header, wait_ms); error != 0) {
        return error;
    }
    memcpy(&header, inbox_.data(), sizeof header);
    if (header.len > XENSTORE_PAYLOAD_MAX) {
        return EPROTO;
    }
    // Once a header is there, its body is on the way.
    if (const int error = fill(sizeof header + header.len, kAnswerMs); error != 0) {
        return error == EAGAIN && wait_ms != 0 ? ETIMEDOUT : error;
    }
    message.type = header.type;
    message.request = header.req_id;
    message.body = inbox_.substr(sizeof header, header.len);
    inbox_.clear();
    return 0;
}

StoreAnswer XenbusStore::request(uint32_t type, const std::string& body) {
    if (!fd_.valid()) {
        return {.error = ENOTCONN};
    }
    if (body.size() > XENSTORE_PAYLOAD_MAX) {
        return {.error = E2BIG};
    }
    const uint32_t id = next_id_++;
    int error = send(type, id, body);
    while (error == 0) {
        Message message;
        error = receive(message, kAnswerMs);
        if (error != 0) {
            break;
        }
        if (message.type == XS_WATCH_EVENT) {
            if (events_.size() < kMostEvents) {
                events_.push_back(std::move(message.body));
            }
            continue;
        }
        if (message.request != id) {
            continue;  // the answer to something that timed out before
        }
        if (message.type == XS_ERROR) {
            return {.error = error_named(message.body)};
        }
        return {.value = std::move(message.body)};
    }
    error = error == EAGAIN ? ETIMEDOUT : error;
    fail(error);
    return {.error = error};
}

StoreAnswer XenbusStore::read(std::string_view path) {
    return request(XS_READ, std::string{path} + '\0');
}

StoreAnswer XenbusStore::list(std::string_view path) {
    return request(XS_DIRECTORY, std::string{path} + '\0');
}

StoreAnswer XenbusStore::write(std::string_view path, std::string_view value) {
    return request(XS_WRITE, std::string{path} + '\0' + std::string{value});
}

StoreAnswer XenbusStore::remove(std::string_view path) {
    return request(XS_RM, std::string{path} + '\0');
}

StoreAnswer XenbusStore::watch(std::string_view path, std::string_view token) {
    StoreAnswer answer = request(XS_WATCH, std::string{path} + '\0' + std::string{token} + '\0');
    if (answer.ok() || !fd_.valid()) {
        watches_.emplace_back(path, token);
    }
    return answer;
}

std::optional<std::string> XenbusStore::next_event() {
    Message message;
    while (events_.empty() && fd_.valid()) {
        const int error = receive(message, 0);
        if (error == EAGAIN) {
            return std::nullopt;
        }
        if (error != 0) {
            fail(error);
            return std::nullopt;
        }
        if (message.type == XS_WATCH_EVENT) {
            events_.push_back(std::move(message.body));
        }
    }
    if (events_.empty()) {
        return std::nullopt;
    }
    // "path\0token\0"
    const std::string body = std::move(events_.front());
    events_.pop_front();
    const size_t end_of_path = body.find('\0');
    if (end_of_path == std::string::npos) {
        return std::string{};
    }
    const size_t end = body.find('\0', end_of_path + 1);
    return body.substr(end_of_path + 1, end == std::string::npos ? end : end - end_of_path - 1);
}

}  // namespace resume::agent
