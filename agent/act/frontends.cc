#include "agent/act/frontends.h"

namespace resume::agent {

namespace {

std::vector<std::string> names_in(const std::string& list) {
    std::vector<std::string> names;
    size_t begin = 0;
    while (begin < list.size() && names.size() < 256) {
        const size_t end = std::min(list.find('\0', begin), list.size());
        names.push_back(list.substr(begin, end - begin));
        begin = end + 1;
    }
    return names;
}

/// ring-ref, tx-ring-ref, ring-ref0, event-channel, event-channel-rx, and those of each queue.
void read_links(GuestStore& store, const std::string& path, const std::string& below,
                Frontend& frontend) {
    for (const std::string& node : names_in(store.list(path + below).value)) {
        if (below.empty() && node.starts_with("queue-")) {
            read_links(store, path, "/" + node, frontend);
        } else if (node.find("ring-ref") != std::string::npos ||
                   node.starts_with("event-channel")) {
            const auto value = store.read(path + below + "/" + node);
            if (value.ok()) {
                frontend.links[below.empty() ? node : below.substr(1) + "/" + node] = value.value;
            }
        }
    }
}

}  // namespace

std::map<std::string, Frontend> read_frontends(GuestStore& store) {
    std::map<std::string, Frontend> frontends;
    for (const std::string& type : names_in(store.list("device").value)) {
        for (const std::string& number : names_in(store.list("device/" + type).value)) {
            const std::string path = "device/" + type + "/" + number;
            const auto state = store.read(path + "/state");
            const auto backend = store.read(path + "/backend");
            if (!state.ok() || !backend.ok()) {
                continue;  // no frontend, or none that is ours to read
            }
            const auto other = store.read(backend.value + "/state");
            Frontend frontend{.state = state.value,
                              .backend_state = other.ok() ? other.value : "unreadable"};
            read_links(store, path, "", frontend);
            frontends.emplace(type + "/" + number, std::move(frontend));
        }
    }
    return frontends;
}

std::vector<std::string> unconnected(const std::map<std::string, Frontend>& frontends) {
    constexpr const char* kConnected = "4";
    std::vector<std::string> bad;
    for (const auto& [name, frontend] : frontends) {
        const bool other =
            frontend.backend_state == kConnected || frontend.backend_state == "unreadable";
        if (frontend.state != kConnected || !other) {
            bad.push_back(name + ": state " + frontend.state + ", backend " +
                          frontend.backend_state);
        }
    }
    return bad;
}

std::map<std::string, std::string> relinked(const std::map<std::string, Frontend>& before,
                                            const std::map<std::string, Frontend>& after) {
    std::map<std::string, std::string> found;
    for (const auto& [name, now] : after) {
        const auto then = before.find(name);
        if (then == before.end()) {
            continue;
        }
        for (const auto& [node, value] : now.links) {
            const auto old = then->second.links.find(node);
            if (old != then->second.links.end() && old->second != value) {
                std::string& text = found[name];
                text += (text.empty() ? "" : ", ") + node + " " + old->second + " -> " + value;
            }
        }
    }
    return found;
}

}  // namespace resume::agent
