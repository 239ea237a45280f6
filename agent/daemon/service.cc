#include "agent/daemon/service.h"

#include <algorithm>

#include "agent/act/coordinator.h"
#include "agent/daemon/interface.h"

namespace resume::agent {

using nlohmann::json;

namespace {

constexpr const char* kDenied = "io.libresume.Agent1.PermissionDenied";
constexpr const char* kInvalid = "org.varlink.service.InvalidParameter";

std::string text_of(const VarlinkCall& call, const char* name, const char* otherwise = "") {
    const auto value = call.parameters.find(name);
    return value != call.parameters.end() && value->is_string() ? value->get<std::string>()
                                                                : otherwise;
}

unsigned number_of(const VarlinkCall& call, const char* name, unsigned otherwise, unsigned most) {
    const auto value = call.parameters.find(name);
    if (value == call.parameters.end() || !value->is_number_unsigned()) {
        return otherwise;
    }
    return static_cast<unsigned>(std::min<uint64_t>(value->get<uint64_t>(), most));
}

bool flag_of(const VarlinkCall& call, const char* name) {
    const auto value = call.parameters.find(name);
    return value != call.parameters.end() && value->is_boolean() && value->get<bool>();
}

}  // namespace

Service::Service(EventLoop& loop, ServiceMeans means)
    : means_{std::move(means)},
      server_{loop, [this](const Peer& peer, const VarlinkCall& call) { on_call(peer, call); },
              [this](uint64_t peer) {
                  if (clients_ != nullptr) {
                      clients_->gone(peer);
                  }
              }} {}

int Service::listen(const std::string& path) {
    return server_.listen(path, "libresume");
}

bool Service::send_event(uint64_t peer, const json& event) {
    return server_.send(peer, varlink_reply(event, true));
}

void Service::reply(const Peer& peer, const VarlinkCall& call, const json& parameters) {
    if (!call.oneway) {
        server_.send(peer.id, varlink_reply(parameters));
    }
}

void Service::fail(const Peer& peer, const VarlinkCall& call, const char* error,
                   const json& parameters) {
    if (!call.oneway) {
        server_.send(peer.id, varlink_error(error, parameters));
    }
}

void Service::on_call(const Peer& caller, const VarlinkCall& call) {
    // Answering may end the connection, and its peer with it.
    // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
    const Peer peer = caller;
    const auto dot = call.method.rfind('.');
    const std::string interface = call.method.substr(0, dot);
    const std::string method = dot == std::string::npos ? "" : call.method.substr(dot + 1);
    if (interface == "org.varlink.service" && method == "GetInfo") {
        reply(peer, call,
              {{"vendor", "libresume"},
               {"product", "resume-agent"},
               {"version", "0.1.0"},
               {"url", ""},
               {"interfaces", {"org.varlink.service", "io.libresume.Agent1"}}});
    } else if (interface == "org.varlink.service" && method == "GetInterfaceDescription") {
        reply(peer, call, {{"description", std::string{kInterfaceDescription}}});
    } else if (interface != "io.libresume.Agent1") {
        fail(peer, call, "org.varlink.service.InterfaceNotFound", {{"interface", interface}});
    } else if (method == "Status") {
        reply(peer, call, means_.status());
    } else if (method == "Sources") {
        reply(peer, call, {{"sources", means_.sources()}});
    } else if (method == "Doctor") {
        reply(peer, call, means_.doctor());
    } else if (method == "History") {
        reply(peer, call, {{"reports", means_.history(number_of(call, "count", 20, 1000))}});
    } else if (method == "Subscribe") {
        subscribe(peer, call);
    } else if (method == "Answer") {
        answer(peer, call);
    } else if (method == "Hold") {
        hold(peer, call);
    } else if (method == "Release") {
        release(peer, call);
    } else if (method == "Prepare") {
        prepare(peer, call);
    } else {
        fail(peer, call, "org.varlink.service.MethodNotFound", {{"method", method}});
    }
}

void Service::subscribe(const Peer& peer, const VarlinkCall& call) {
    if (!call.more) {
        fail(peer, call, "io.libresume.Agent1.WantsMore");
        return;
    }
    clients_->subscribe({.peer = peer.id,
                         .label = text_of(call, "label"),
                         .pid = peer.pid,
                         .executable = peer.executable,
                         .trusted = peer.trusted});
    send_event(peer.id, {{"event", "subscribed"}});
}

void Service::answer(const Peer& peer, const VarlinkCall& call) {
    const std::string word = text_of(call, "answer");
    if (word != "ready" && word != "refuse") {
        fail(peer, call, kInvalid, {{"parameter", "answer"}});
        return;
    }
    const bool taken =
        clients_->answer(peer.id, text_of(call, "token"), word == "ready", text_of(call, "reason"));
    reply(peer, call, {{"taken", taken}});
}

void Service::hold(const Peer& peer, const VarlinkCall& call) {
    if (!peer.trusted) {
        fail(peer, call, kDenied);
        return;
    }
    const unsigned ttl = number_of(call, "ttl_s", 10, 60);
    const uint64_t id =
        clients_->hold(peer.id, text_of(call, "label"), std::chrono::seconds{std::max(ttl, 1U)});
    reply(peer, call, {{"id", id}});
}

void Service::release(const Peer& peer, const VarlinkCall& call) {
    const auto id = call.parameters.find("id");
    if (id != call.parameters.end() && id->is_number_unsigned()) {
        reply(peer, call, {{"taken", clients_->release(peer.id, id->get<uint64_t>())}});
        return;
    }
    if (!peer.trusted) {
        fail(peer, call, kDenied);
        return;
    }
    means_.release(text_of(call, "id"));
    reply(peer, call, json::object());
}

void Service::prepare(const Peer& peer, const VarlinkCall& call) {
    if (!peer.trusted) {
        fail(peer, call, kDenied);
        return;
    }
    const std::string kind = text_of(call, "kind", "xen-suspend");
    if (!is_kind(kind)) {
        fail(peer, call, kInvalid, {{"parameter", "kind"}});
        return;
    }
    means_.prepare(
        kind, flag_of(call, "freeze"), number_of(call, "ttl_s", 60, 3600),
        number_of(call, "deadline_s", 45, 300),
        [this, peer, call](bool ready, const std::string& id, const std::string& reason) {
            if (ready) {
                reply(peer, call, {{"id", id}});
            } else if (reason == Coordinator::kOutOfTime) {
                fail(peer, call, "io.libresume.Agent1.TimedOut", {{"reason", reason}});
            } else {
                fail(peer, call, "io.libresume.Agent1.Refused", {{"reason", reason}});
            }
        });
}

}  // namespace resume::agent
