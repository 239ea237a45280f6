#include "agent/observe/dbus.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

#include "agent/base/files.h"

namespace resume::agent {

namespace {

constexpr int kWaitMs = 1000;
constexpr size_t kMostSignals = 64;

/// The one descriptor that a datagram of the bus may carry for us; others are closed.
void take_descriptors(const msghdr& header, UniqueFd* passed) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(const_cast<msghdr*>(&header), part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int fd = -1;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            UniqueFd owned{fd};
            if (passed != nullptr && !passed->valid()) {
                *passed = std::move(owned);
            }
        }
    }
}

}  // namespace

DbusClient::DbusClient(const std::string& socket_path)
    : fd_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path) {
        fail("the bus's path is too long");
        return;
    }
    memcpy(address.sun_path, socket_path.data(), socket_path.size());
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        fail(explain("no bus at " + socket_path, errno));
        return;
    }
    if (authenticate()) {
        call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", {});
    }
}

void DbusClient::fail(const std::string& what) {
    problem_ = what;
    fd_.reset();
    inbox_.clear();
}

bool DbusClient::send(std::string_view bytes) {
    if (::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
        static_cast<ssize_t>(bytes.size())) {
        return true;
    }
    fail(explain("cannot write to the bus", errno));
    return false;
}

bool DbusClient::authenticate() {
    // The number of our user, each digit in hexadecimal: that is the protocol.
    std::string hex;
    for (const char digit : std::to_string(::geteuid())) {
        hex += '3';
        hex += digit;
    }
    if (!send(std::string(1, '\0') + "AUTH EXTERNAL " + hex + "\r\nNEGOTIATE_UNIX_FD\r\n")) {
        return false;
    }
    while (inbox_.find("AGREE_UNIX_FD\r\n") == std::string::npos) {
        if (inbox_.find("REJECTED") != std::string::npos || inbox_.size() > 4096 ||
            !receive(kWaitMs, nullptr)) {
            fail("the bus does not let us in");
            return false;
        }
    }
    inbox_.clear();
    return send("BEGIN\r\n");
}

bool DbusClient::receive(int wait_ms, UniqueFd* passed) {
    pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (!fd_.valid() || ::poll(&ready, 1, wait_ms) <= 0) {
        return false;
    }
    std::array<char, 4096> chunk{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(4 * sizeof(int))> control{};
    iovec vector{.iov_base = chunk.data(), .iov_len = chunk.size()};
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t count = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    take_descriptors(header, passed);
    if (count <= 0) {
        fail("the bus is gone");
        return false;
    }
    inbox_.append(chunk.data(), static_cast<size_t>(count));
    return true;
}

std::optional<DbusMessage> DbusClient::take() {
    const auto length = dbus_length(inbox_);
    if (!length) {
        fail("the bus speaks another language");
        return std::nullopt;
    }
    if (*length == 0) {
        return std::nullopt;
    }
    auto message = parse_dbus(inbox_);
    inbox_.erase(0, *length);
    return message;
}

std::optional<DbusMessage> DbusClient::call(std::string_view destination, std::string_view path,
                                            std::string_view interface, std::string_view member,
                                            const std::vector<std::string>& arguments,
                                            UniqueFd* passed) {
    const uint32_t serial = ++serial_;
    if (!fd_.valid() || !send(dbus_call(serial, destination, path, interface, member, arguments))) {
        return std::nullopt;
    }
    for (;;) {
        while (auto message = take()) {
            if (message->type == 4 && signals_.size() < kMostSignals) {
                signals_.push_back(std::move(*message));
            } else if (message->reply_serial == serial) {
                return message;
            }
        }
        if (!receive(kWaitMs, passed)) {
            if (fd_.valid()) {
                fail("the bus does not answer " + std::string{member});
            }
            return std::nullopt;
        }
    }
}

std::optional<DbusMessage> DbusClient::next_signal() {
    if (signals_.empty()) {
        receive(0, nullptr);
        while (auto message = take()) {
            if (message->type == 4 && signals_.size() < kMostSignals) {
                signals_.push_back(std::move(*message));
            }
        }
    }
    if (signals_.empty()) {
        return std::nullopt;
    }
    DbusMessage first = std::move(signals_.front());
    signals_.erase(signals_.begin());
    return first;
}

}  // namespace resume::agent
