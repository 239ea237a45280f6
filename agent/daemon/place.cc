#include "agent/daemon/place.h"

#include <stdlib.h>
#include <unistd.h>

namespace resume::agent {

namespace {

/// What a container's manager leaves behind (systemd's container interface; Docker; Podman).
std::string container_mark(const Root& root) {
    if (const auto manager = read_line(root("/run/systemd/container"), 256);
        manager && !manager->empty()) {
        return *manager;
    }
    for (const char* mark : {"/.dockerenv", "/run/.containerenv"}) {
        if (::access(root(mark).c_str(), F_OK) == 0) {
            return mark;
        }
    }
    // PID 1 of a container carries container=...; readable for root only.
    const auto environment = read_file(root("/proc/1/environ"));
    if (environment) {
        const std::string text = std::string(1, '\0') + *environment;
        const std::string mark{"\0container=", 11};
        if (const size_t at = text.find(mark); at != std::string::npos) {
            return text.substr(at + 1, text.find('\0', at + 1) - at - 1);
        }
    }
    return {};
}

}  // namespace

std::string reason_to_refuse(const Root& root) {
    const auto capabilities = read_line(root("/proc/xen/capabilities"), 256);
    if (capabilities && capabilities->find("control_d") != std::string::npos) {
        return "this is dom0: the agent is for guests";
    }
    if (const std::string mark = container_mark(root); !mark.empty()) {
        return "this is a container (" + mark + "): the agent belongs to the guest it runs in";
    }
    return {};
}

}  // namespace resume::agent
