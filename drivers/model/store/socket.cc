#include "drivers/model/store/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace resume::model {

namespace {

constexpr time_t kConnectSeconds = 10;  ///< of real time, for a daemon that is busy

}  // namespace

std::string StoreSocket::open() {
    close();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) {
        return path_ + ": longer than a socket's path may be";
    }
    path_.copy(address.sun_path, path_.size());
    // Connecting blocks: xenstored lets one client wait at its door, and to the next one a socket
    // that does not block says EAGAIN.
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{.tv_sec = kConnectSeconds, .tv_usec = 0};
    if (fd_ < 0 || setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
        connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        fcntl(fd_, F_SETFL, O_NONBLOCK) != 0) {
        const int error = errno;
        close();
        return path_ + ": " + std::strerror(error);
    }
    return {};
}

void StoreSocket::close() {
    if (fd_ >= 0) {
        ::close(fd_);
        fd_ = -1;
    }
    input_.clear();
}

bool StoreSocket::send(const StoreMessage& message, Nanoseconds limit) {
    const xsd_sockmsg head{message.type, message.request, message.transaction,
                           static_cast<uint32_t>(message.payload.size())};
    std::string bytes(sizeof head, '\0');
    std::memcpy(bytes.data(), &head, sizeof head);
    bytes += message.payload;
    std::size_t sent = 0;
    while (fd_ >= 0 && sent < bytes.size()) {
        const ssize_t count = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (count > 0) {
            sent += static_cast<std::size_t>(count);
            continue;
        }
        pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
        const bool full = errno == EAGAIN || errno == EINTR;
        if (!full || poll(&ready, 1, static_cast<int>(limit / kMillisecond)) <= 0) {
            close();
        }
    }
    return fd_ >= 0;
}

std::optional<StoreMessage> StoreSocket::take() {
    while (fd_ >= 0) {
        xsd_sockmsg head{};
        if (input_.size() >= sizeof head) {
            std::memcpy(&head, input_.data(), sizeof head);
            if (head.len > kStorePayload) {
                close();
                break;
            }
            if (input_.size() >= sizeof head + head.len) {
                StoreMessage message{head.type, head.req_id, head.tx_id,
                                     input_.substr(sizeof head, head.len)};
                input_.erase(0, sizeof head + head.len);
                return message;
            }
        }
        std::array<char, 8192> buffer;
        const ssize_t count = recv(fd_, buffer.data(), buffer.size(), 0);
        if (count > 0) {
            input_.append(buffer.data(), static_cast<std::size_t>(count));
        } else if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
            break;
        } else {
            close();
        }
    }
    return std::nullopt;
}

}  // namespace resume::model
