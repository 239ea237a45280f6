// A client of the agent's socket that says anything: the whole service, over a real connection,
// with a second client that must be served all the same.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "agent/act/coordinator.h"
#include "agent/base/log.h"
#include "agent/daemon/service.h"

namespace {

using namespace resume::agent;

struct Agent {
    std::string folder{};
    EventLoop loop{};
    Coordinator coordinator{loop, "/dev/null/announced"};
    Service service{loop,
                    {.status = [] { return nlohmann::json::object(); },
                     .sources = [] { return nlohmann::json::array(); },
                     .history = [](size_t) { return nlohmann::json::array(); },
                     .prepare = [](const std::string&, bool, unsigned, unsigned,
                                   const ServiceMeans::Answer& answer) { answer(true, "a", ""); },
                     .release = [](const std::string&) {}}};
    Clients clients{coordinator.cycle(), loop, [this](uint64_t peer, const nlohmann::json& event) {
                        return service.send_event(peer, event);
                    }};

    Agent() {
        configure_log(LogLevel::error, false);
        std::string pattern = "/tmp/resume-fuzz-XXXXXX";
        folder = ::mkdtemp(pattern.data());
        service.use(clients);
        if (service.listen(folder + "/s") != 0) {
            abort();
        }
    }
    ~Agent() {
        ::unlink((folder + "/s").c_str());
        ::rmdir(folder.c_str());
    }
    UniqueFd connect() {
        UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        (folder + "/s").copy(address.sun_path, sizeof address.sun_path - 1);
        if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            abort();
        }
        settle();
        return fd;
    }
    void settle() {
        while (loop.step(std::chrono::milliseconds{0})) {
        }
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Agent agent;
    const UniqueFd honest = agent.connect();
    {
        const UniqueFd hostile = agent.connect();
        [[maybe_unused]] const ssize_t ignored = ::send(hostile.get(), data, size, MSG_NOSIGNAL);
        agent.settle();
    }
    constexpr std::string_view kCall{"{\"method\":\"io.libresume.Agent1.Status\"}\0", 40};
    if (::send(honest.get(), kCall.data(), kCall.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(kCall.size())) {
        abort();
    }
    agent.settle();
    char answer[64];
    if (::recv(honest.get(), answer, sizeof answer, 0) <= 0) {
        abort();
    }
    return 0;
}
