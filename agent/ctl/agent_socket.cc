#include "agent/ctl/agent_socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <chrono>

#include "agent/base/files.h"
#include "agent/ctl/exit_codes.h"

namespace resume::agent {

using nlohmann::json;

AgentSocket::AgentSocket(const std::string& path) : path_{path} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    fd_ = UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (path.size() >= sizeof address.sun_path) {
        error_ = ENAMETOOLONG;
        return;
    }
    memcpy(address.sun_path, path.data(), path.size());
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        error_ = errno;
    }
}

int AgentSocket::send(const std::string& method, const json& parameters, bool more) {
    json message{{"method", "io.libresume.Agent1." + method}, {"parameters", parameters}};
    if (more) {
        message["more"] = true;
    }
    const std::string bytes = message.dump() + '\0';
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(bytes.size()) ? 0 : errno;
}

AgentReply AgentSocket::receive(unsigned timeout_s) {
    using std::chrono::steady_clock;
    const auto until = steady_clock::now() + std::chrono::seconds{timeout_s};
    size_t end = 0;
    while ((end = inbox_.find('\0')) == std::string::npos) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - steady_clock::now());
        pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) == 0) {
            return {.exit_code = kExitTimedOut, .problem = "no answer in time"};
        }
        std::array<char, 65536> chunk{};
        const ssize_t count = ::read(fd_.get(), chunk.data(), chunk.size());
        if (count == 0 || (count < 0 && errno != EINTR) || inbox_.size() > (8U << 20)) {
            return {.exit_code = kExitNoAgent, .problem = "the agent closed the connection"};
        }
        inbox_.append(chunk.data(), count > 0 ? static_cast<size_t>(count) : 0);
    }
    const json message = json::parse(inbox_.substr(0, end), nullptr, false);
    inbox_.erase(0, end + 1);
    if (!message.is_object()) {
        return {.exit_code = kExitOwnFault, .problem = "an answer that is not varlink"};
    }
    AgentReply reply{.parameters = message.value("parameters", json::object())};
    const std::string error = message.value("error", "");
    if (error == "io.libresume.Agent1.PermissionDenied") {
        reply.exit_code = kExitNotAllowed;
        reply.problem = "not allowed: only root and group libresume";
    } else if (!error.empty()) {
        const bool late = error == "io.libresume.Agent1.TimedOut";
        reply.exit_code = late ? kExitTimedOut : kExitFinding;
        reply.problem = reply.parameters.value("reason", error);
    }
    return reply;
}

AgentSocket* AgentSocket::first_to_speak(AgentSocket& one, AgentSocket& other, unsigned timeout_s) {
    for (AgentSocket* const socket : {&one, &other}) {
        if (socket->inbox_.find('\0') != std::string::npos) {
            return socket;
        }
    }
    std::array<pollfd, 2> ready{{{one.fd_.get(), POLLIN, 0}, {other.fd_.get(), POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), static_cast<int>(timeout_s) * 1000) <= 0) {
        return nullptr;
    }
    return ready[0].revents != 0 ? &one : &other;
}

AgentReply AgentSocket::call(const std::string& method, const json& parameters,
                             unsigned timeout_s) {
    if (error_ == 0) {
        error_ = send(method, parameters, false);
    }
    if (error_ == EACCES) {
        return {.exit_code = kExitNotAllowed, .problem = explain(path_, error_)};
    }
    if (error_ != 0) {
        return {.exit_code = kExitNoAgent, .problem = "no agent: " + explain(path_, error_)};
    }
    return receive(timeout_s);
}

}  // namespace resume::agent
