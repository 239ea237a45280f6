// What a host answers and writes: the store's wire, the nodes that the agent reads, its requests.
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/act/frontends.h"
#include "agent/daemon/host_request.h"
#include "agent/observe/xenstore.h"
#include "agent/report/store_publisher.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace resume::agent;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const HostRequest request = parse_host_request(text);
    if (request.id.size() > 64 || cut_report(text).size() > kMostLastBytes) {
        __builtin_trap();
    }
    std::array<int, 2> ends{};
    if (size > 60'000 || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return 0;
    }
    {
        // Everything that the host will ever say is there at once, and then it is gone: no wait.
        const UniqueFd host{ends[1]};
        [[maybe_unused]] const ssize_t ignored = ::send(host.get(), data, size, MSG_NOSIGNAL);
        ::shutdown(host.get(), SHUT_WR);
        XenbusStore store{UniqueFd{ends[0]}};
        store.watch("domid", "domid");
        store.read("domid");
        while (store.next_event()) {
        }
        const auto frontends = read_frontends(store);
        unconnected(frontends);
        relinked({}, frontends);
        static_cast<void>(store.state());
    }
    return 0;
}
