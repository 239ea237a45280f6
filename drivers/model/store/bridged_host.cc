// The host's own side of a bridged store: nodes by path, synchronously, on a connection of its own.
#include <poll.h>

#include "drivers/model/store/bridged.h"

namespace resume::model {

namespace {

constexpr int kAnswerLimitMs = 5'000;

}  // namespace

/// The reply; an ERROR of ours when the daemon does not answer.
StoreMessage BridgedStore::ask(uint32_t type, std::string payload) {
    const uint32_t request = next_request_++;
    StoreMessage none{XS_ERROR, request, 0, std::string{"EIO"} + '\0'};
    if (away_ || !host_.send({type, request, 0, std::move(payload)})) {
        lost();
        return none;
    }
    for (;;) {
        while (auto message = host_.take()) {
            if (message->type == XS_WATCH_EVENT) {
                // Handed out from the clock: the caller may be in the middle of something.
                clock_.after(0, [this, event = std::move(*message)] { host_event(event); });
            } else if (message->request == request) {
                return *message;
            }
        }
        pollfd ready{.fd = host_.fd(), .events = POLLIN, .revents = 0};
        if (!host_.is_open() || poll(&ready, 1, kAnswerLimitMs) <= 0) {
            lost();
            return none;
        }
    }
}

void BridgedStore::host_event(const StoreMessage& event) {
    if (event.type != XS_WATCH_EVENT) {
        return;
    }
    const auto strings = split_strings(event.payload);
    for (std::size_t i = 0; strings.size() > 1 && i < host_watches_.size(); ++i) {
        if (strings[1] == std::to_string(i)) {
            host_watches_[i].changed();
        }
    }
}

// A new domain finds its home as libxl makes it; nothing of `data` is carried over.
void BridgedStore::introduce(DomId domid) {
    if (domid == domid_) {
        return;  // in place: the nodes stay
    }
    domid_ = domid;
    ask(XS_RM, full("data") + '\0');
    write_home();
}

void BridgedStore::write_home() {
    write("domid", std::to_string(domid_));
    write("memory/static-max", "16384");
    write("memory/target", "16384");
    for (const char* name :
         {"shutdown", "feature-poweroff", "feature-reboot", "feature-suspend", "sysrq"}) {
        write(std::string{"control/"} + name, "");
    }
    write("control/platform-feature-multiprocessor-suspend", "1");
    write("control/platform-feature-xs_reset_watches", "1");
    write("data", "");
}

std::optional<std::string> BridgedStore::read(const std::string& path) {
    StoreMessage reply = ask(XS_READ, full(path) + '\0');
    return reply.type == XS_READ ? std::optional{std::move(reply.payload)} : std::nullopt;
}

void BridgedStore::write(const std::string& path, const std::string& value) {
    ask(XS_WRITE, full(path) + '\0' + value);
}

// The daemon of a test has one user and no domains to tell apart.
void BridgedStore::create(const std::string& path, const std::string& value, DomId, DomId) {
    write(path, value);
}

void BridgedStore::remove(const std::string& path) {
    ask(XS_RM, full(path) + '\0');
}

void BridgedStore::watch(const std::string& path, Changed changed) {
    host_watches_.push_back({path, std::move(changed)});
    ask(XS_WATCH, full(path) + '\0' + std::to_string(host_watches_.size() - 1) + '\0');
}

}  // namespace resume::model
