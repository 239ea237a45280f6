#include "agent/observe/logind.h"

#include <unistd.h>

#include <cstring>

namespace resume::agent {

namespace {

constexpr const char* kService = "org.freedesktop.login1";
constexpr const char* kPath = "/org/freedesktop/login1";
constexpr const char* kManager = "org.freedesktop.login1.Manager";

}  // namespace

Logind::Logind(const Root& root) {
    if (::access(root("/run/systemd/seats").c_str(), F_OK) != 0) {
        problem_ = "systemd-logind does not run";
        return;
    }
    bus_ = std::make_unique<DbusClient>(root("/run/dbus/system_bus_socket"));
    if (!bus_->problem().empty()) {
        return;
    }
    const auto matched = bus_->call(
        "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch",
        {"type='signal',sender='org.freedesktop.login1',"
         "interface='org.freedesktop.login1.Manager',member='PrepareForSleep'"});
    if (!matched || matched->type != 2) {
        problem_ = "cannot listen to PrepareForSleep: " + (matched ? matched->error : "no answer");
        return;
    }
    hold();
}

void Logind::hold() {
    if (!bus_ || inhibitor_.valid()) {
        return;
    }
    const auto reply =
        bus_->call(kService, kPath, kManager, "Inhibit",
                   {"sleep", "resume-agent", "getting ready for a suspend", "delay"}, &inhibitor_);
    if (!inhibitor_.valid()) {
        problem_ = "no delay before a sleep: " + (reply ? reply->error : "no answer");
    }
}

SourceState Logind::state() const {
    const bool bus = bus_ && bus_->problem().empty() && bus_->fd() >= 0;
    std::string detail = "told before and after";
    if (!problem_.empty()) {
        detail = problem_;
    } else if (!bus) {
        detail = bus_ ? bus_->problem() : "no bus";
    }
    return {.name = "logind", .available = bus && problem_.empty(), .detail = detail};
}

std::optional<bool> Logind::next() {
    while (bus_) {
        const auto signal = bus_->next_signal();
        if (!signal) {
            return std::nullopt;
        }
        if (signal->interface == kManager && signal->member == "PrepareForSleep" &&
            signal->signature == "b" && signal->body.size() >= 4) {
            uint32_t value = 0;
            memcpy(&value, signal->body.data(), sizeof value);
            return value != 0;
        }
    }
    return std::nullopt;
}

}  // namespace resume::agent
