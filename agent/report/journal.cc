#include "agent/report/journal.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace resume::agent {

Journal::Journal(std::string socket_path) : path_{std::move(socket_path)} {}

std::string Journal::encode(const Fields& fields) {
    std::string bytes;
    for (const auto& [name, value] : fields) {
        bytes += name;
        if (value.find('\n') == std::string::npos) {
            bytes += '=' + value + '\n';
            continue;
        }
        const uint64_t size = htole64(value.size());
        bytes += '\n';
        bytes.append(reinterpret_cast<const char*>(&size), sizeof size);
        bytes += value + '\n';
    }
    return bytes;
}

int Journal::send(const Fields& fields) {
    if (!socket_.valid()) {
        socket_ = UniqueFd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!socket_.valid() || path_.size() >= sizeof address.sun_path) {
        return socket_.valid() ? ENAMETOOLONG : errno;
    }
    memcpy(address.sun_path, path_.data(), path_.size());
    const std::string bytes = encode(fields);
    const ssize_t sent = ::sendto(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL,
                                  reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return sent == static_cast<ssize_t>(bytes.size()) ? 0 : errno;
}

}  // namespace resume::agent
