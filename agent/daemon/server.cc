#include "agent/daemon/server.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

#include "agent/base/files.h"
#include "agent/base/log.h"

namespace resume::agent {

namespace {

constexpr size_t kMostClients = 512;
constexpr size_t kMostQueued = 256UL * 1024;

std::string executable_of(pid_t pid) {
    std::array<char, 512> target{};
    const std::string link = "/proc/" + std::to_string(pid) + "/exe";
    const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
    if (length > 0) {
        return {target.data(), static_cast<size_t>(length)};
    }
    // Without CAP_SYS_PTRACE the link of a process with more rights than ours cannot be read.
    return read_line("/proc/" + std::to_string(pid) + "/comm", 64).value_or("?");
}

bool in_group(pid_t pid, gid_t group) {
    // SO_PEERCRED has the primary group only.
    const auto status = read_file("/proc/" + std::to_string(pid) + "/status");
    if (!status) {
        return false;
    }
    const size_t at = status->find("\nGroups:");
    if (at == std::string::npos) {
        return false;
    }
    const std::string line = status->substr(at + 8, status->find('\n', at + 1) - at - 8) + " ";
    for (size_t i = 0; i < line.size();) {
        const size_t end = line.find_first_of(" \t", i);
        if (const auto number = parse_number(line.substr(i, end - i));
            number && *number == static_cast<int64_t>(group)) {
            return true;
        }
        i = end == std::string::npos ? line.size() : end + 1;
    }
    return false;
}

}  // namespace

int64_t group_number(const std::string& group_file, const std::string& name) {
    const auto text = read_file(group_file, 1 << 20);
    if (!text) {
        return -1;
    }
    const std::string lines = "\n" + *text;
    const size_t at = lines.find("\n" + name + ":");
    if (at == std::string::npos) {
        return -1;
    }
    const size_t begin = lines.find(':', at + name.size() + 2);
    const size_t end = lines.find(':', begin + 1);
    if (begin == std::string::npos || end == std::string::npos) {
        return -1;
    }
    return parse_number(lines.substr(begin + 1, end - begin - 1)).value_or(-1);
}

Server::Server(EventLoop& loop, OnCall on_call, OnGone on_gone)
    : loop_{loop}, on_call_{std::move(on_call)}, on_gone_{std::move(on_gone)} {}

Server::~Server() {
    for (const auto& [id, client] : clients_) {
        loop_.unwatch(client->fd.get());
    }
    if (socket_.valid()) {
        loop_.unwatch(socket_.get());
        ::unlink(path_.c_str());
    }
}

int Server::listen(const std::string& path, const std::string& group) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return ENAMETOOLONG;
    }
    memcpy(address.sun_path, path.data(), path.size());
    ::unlink(path.c_str());
    socket_ = UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const mode_t old = ::umask(0117);  // never open to others, not even for a moment
    const int bound =
        ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int error = errno;
    ::umask(old);
    if (bound != 0) {
        socket_.reset();
        return error;
    }
    path_ = path;
    group_ = group_number("/etc/group", group);
    struct stat made {};
    // Under its unit the agent is of that group, and may give nothing away.
    const bool theirs = ::stat(path.c_str(), &made) == 0 && int64_t{made.st_gid} == group_;
    if (group_ >= 0 && !theirs && ::chown(path.c_str(), 0, static_cast<gid_t>(group_)) != 0) {
        log(LogLevel::warning, "%s",
            explain("cannot give " + path + " to its group", errno).c_str());
    }
    if (::listen(socket_.get(), 128) != 0) {
        return errno;
    }
    return loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t) { accept_one(); });
}

void Server::accept_one() {
    UniqueFd fd{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!fd.valid()) {
        return;
    }
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (clients_.size() >= kMostClients ||
        ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        return;
    }
    auto client = std::make_unique<Client>();
    client->peer = {.id = next_id_++,
                    .pid = credentials.pid,
                    .uid = credentials.uid,
                    .gid = credentials.gid,
                    .executable = executable_of(credentials.pid)};
    client->peer.trusted = credentials.uid == 0 ||
                           (group_ >= 0 && (credentials.gid == static_cast<gid_t>(group_) ||
                                            in_group(credentials.pid, static_cast<gid_t>(group_))));
    const uint64_t id = client->peer.id;
    client->fd = std::move(fd);
    loop_.watch(client->fd.get(), EPOLLIN, [this, id](uint32_t events) { on_ready(id, events); });
    clients_[id] = std::move(client);
}

void Server::on_ready(uint64_t id, uint32_t events) {
    if ((events & EPOLLOUT) != 0) {
        const auto found = clients_.find(id);
        if (found != clients_.end() && !flush(*found->second)) {
            drop(id);
            return;
        }
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        read_from(id);
    }
}

void Server::read_from(uint64_t id) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) {
        return;
    }
    Client& client = *found->second;
    std::array<char, 16384> chunk{};
    const ssize_t count = ::read(client.fd.get(), chunk.data(), chunk.size());
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        drop(id);
        return;
    }
    client.in.append(chunk.data(), count > 0 ? static_cast<size_t>(count) : 0);
    while (clients_.contains(id)) {
        const size_t end = client.in.find('\0');
        if (end == std::string::npos) {
            break;
        }
        const std::string text = client.in.substr(0, end);
        client.in.erase(0, end + 1);
        const auto call = parse_call(text);
        if (!call) {
            drop(id);  // not varlink: there is no way to find the next message
            return;
        }
        on_call_(client.peer, *call);
    }
    if (clients_.contains(id) && client.in.size() > kMostVarlinkBytes) {
        drop(id);
    }
}

bool Server::flush(Client& client) {
    while (!client.out.empty()) {
        const ssize_t count =
            ::send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 && errno != EAGAIN) {
            return false;
        }
        if (count < 0) {
            break;
        }
        client.out.erase(0, static_cast<size_t>(count));
    }
    const uint64_t id = client.peer.id;
    const uint32_t events = client.out.empty() ? uint32_t{EPOLLIN} : uint32_t{EPOLLIN | EPOLLOUT};
    loop_.watch(client.fd.get(), events, [this, id](uint32_t ready) { on_ready(id, ready); });
    return client.out.size() <= kMostQueued;
}

bool Server::send(uint64_t peer, const std::string& bytes) {
    const auto found = clients_.find(peer);
    if (found == clients_.end()) {
        return false;
    }
    found->second->out += bytes;
    if (!flush(*found->second)) {
        drop(peer);
        return false;
    }
    return true;
}

void Server::drop(uint64_t id) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) {
        return;
    }
    loop_.unwatch(found->second->fd.get());
    const auto client = std::move(found->second);
    clients_.erase(found);
    on_gone_(id);
}

}  // namespace resume::agent
