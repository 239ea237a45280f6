#include "tests/stress/real/qmp.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace resume::stress::real {

namespace {

constexpr size_t kMostMessage = 1U << 20;
constexpr int kTryAgainMs = 20;

using Clock = std::chrono::steady_clock;

int left_until(Clock::time_point end) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

}  // namespace

Qmp::Qmp(std::string socket, std::chrono::milliseconds patience)
    : socket_{std::move(socket)}, patience_{patience} {
    connect();
    if (!read().contains("QMP")) {
        fail("does not greet as QEMU does");
    }
    call("qmp_capabilities");
}

void Qmp::fail(const std::string& cause) const {
    throw QmpError{socket_ + ": " + cause};
}

/// Its QEMU may be just beginning.
void Qmp::connect() {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (socket_.size() >= sizeof address.sun_path) {
        fail("too long for a socket's path");
    }
    std::memcpy(address.sun_path, socket_.c_str(), socket_.size());
    const auto end = Clock::now() + patience_;
    while (true) {
        fd_ = agent::UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (fd_.get() < 0) {
            fail(std::strerror(errno));
        }
        if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
            return;
        }
        const int error = errno;
        if ((error != ENOENT && error != ECONNREFUSED) || left_until(end) == 0) {
            fail(std::strerror(error));
        }
        ::poll(nullptr, 0, kTryAgainMs);
    }
}

nlohmann::json Qmp::read() {
    const auto end = Clock::now() + patience_;
    size_t line = 0;
    while ((line = text_.find('\n')) == std::string::npos) {
        pollfd polled{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        const int ready = ::poll(&polled, 1, left_until(end));
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            fail("no answer after " + std::to_string(patience_.count() / 1000) + " s");
        }
        char bytes[4096];
        const ssize_t count = ::read(fd_.get(), bytes, sizeof bytes);
        if (count <= 0 || text_.size() > kMostMessage) {
            fail(count < 0    ? std::strerror(errno)
                 : count == 0 ? "QEMU went away"
                              : "a message of more than a megabyte");
        }
        text_.append(bytes, static_cast<size_t>(count));
    }
    const std::string message = text_.substr(0, line);
    text_.erase(0, line + 1);
    nlohmann::json parsed = nlohmann::json::parse(message, nullptr, false);
    if (!parsed.is_object()) {
        fail("not a message of QMP: " + message.substr(0, 80));
    }
    return parsed;
}

nlohmann::json Qmp::call(const std::string& command, const nlohmann::json& arguments) {
    const std::string text =
        nlohmann::json{{"execute", command}, {"arguments", arguments}}.dump() + "\n";
    for (size_t done = 0; done < text.size();) {
        const ssize_t wrote =
            ::send(fd_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
        if (wrote < 0 && errno != EINTR) {
            fail(std::strerror(errno));
        }
        done += wrote > 0 ? static_cast<size_t>(wrote) : 0;
    }
    while (true) {
        nlohmann::json answer = read();
        if (answer.contains("return")) {
            return answer["return"];
        }
        if (answer.contains("error")) {
            const auto& error = answer["error"];
            fail("QEMU refuses " + command + ": " +
                 (error.is_object() ? error.value("desc", "no reason given") : error.dump()));
        }
    }
}

std::string Qmp::status() {
    const nlohmann::json answer = call("query-status");
    return answer.is_object() ? answer.value("status", "") : "";
}

}  // namespace resume::stress::real
