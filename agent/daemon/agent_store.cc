// What the agent has to do with xenstore: its watches, its own nodes, the host's requests.
#include <algorithm>

#include "agent/base/log.h"
#include "agent/daemon/agent.h"
#include "agent/daemon/host_request.h"

namespace resume::agent {

void Agent::watch_store() {
    if (!store_ || store_->fd() < 0) {
        return;
    }
    for (const char* path : {"control/shutdown", "domid", "device"}) {
        if (const int error = store_->watch(path, path).error; error != 0) {
            log(LogLevel::warning, "%s",
                explain(std::string{"cannot watch "} + path, error).c_str());
        }
    }
    // Watched even where no request is accepted: the host is told so, and need not wait.
    store_->watch("data/resume/request", "request");
    link_ = std::make_unique<StoreLink>(
        loop_, *store_, [this] { on_store(); }, [this] { publish_all(); });
    if (publisher_) {
        publisher_->keep("state", "up");
    }
    publish_all();
}

void Agent::publish_all() {
    if (publisher_) {
        publisher_->publish_all();
    }
}

void Agent::on_store() {
    while (const auto token = store_->next_event()) {
        if (*token == "request") {
            take_request();
        } else if (*token == "device") {
            on_device();
        } else if (*token == "domid" && !observer_.busy()) {
            publish_all();  // a new domain: libxl has not carried our nodes over
        }
    }
}

void Agent::take_request() {
    const StoreAnswer node = store_->read("data/resume/request");
    if (!node.ok() || node.value.empty()) {
        return;
    }
    store_->remove("data/resume/request");  // a checkpoint must not replay it
    const HostRequest request = parse_host_request(node.value);
    if (request.verb == HostRequest::Verb::release) {
        if (request.id == host_request_) {
            release_when_quiet(announced_for_host_);
        }
        return;
    }
    const auto reply = [this, id = request.id](const std::string& word, const std::string& why) {
        if (publisher_) {
            publisher_->set("answer", word + " " + id + (why.empty() ? "" : " " + why));
        }
    };
    const auto& accept = loaded_.config.request_accept;
    if (request.verb == HostRequest::Verb::none ||
        std::find(accept.begin(), accept.end(), request.kind) == accept.end()) {
        reply("unsupported", "");
        return;
    }
    reply("pending", "");
    const auto limit = static_cast<unsigned>(loaded_.config.request_ttl_s);
    const std::string ours =
        want(request.kind, false, std::clamp(request.ttl_s, 1U, limit), 45'000,
             [reply](bool ready, const std::string&, const std::string& reason) {
                 reply(ready ? "ready" : "refused", ready ? "" : reason.substr(0, 200));
             });
    if (!ours.empty()) {
        host_request_ = request.id;
        announced_for_host_ = ours;
        wanted_.back().announcement.expired = [reply] { reply("expired", ""); };
    }
}

}  // namespace resume::agent
