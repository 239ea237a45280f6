#include "drivers/model/store/bridged.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace resume::model {

namespace {

constexpr Nanoseconds kRetry = 100 * kMillisecond;
// The number of requests that the guest never made; its own begin with 1.
constexpr uint32_t kNobody = 0;

int to_ms(Nanoseconds duration) {
    return static_cast<int>((duration + kMillisecond - 1) / kMillisecond);
}

}  // namespace

BridgedStore::BridgedStore(const std::string& socket, std::string base, Clock& clock)
    : base_{std::move(base)}, clock_{clock}, guest_{socket}, host_{socket} {
    if (base_.size() < 2 || base_.front() != '/' || !valid_path(base_, false)) {
        throw std::runtime_error{"base path '" + base_ + "' is no absolute path of the store"};
    }
    for (StoreSocket* end : {&host_, &guest_}) {
        if (const std::string why = end->open(); !why.empty()) {
            throw std::runtime_error{"no xenstored at " + why};
        }
    }
    clock_.make_real([this](Nanoseconds longest) { idle(longest); });
}

void BridgedStore::connect(Deliver deliver) {
    deliver_ = std::move(deliver);
    asked_.clear();
    asked_watches_.clear();
    guest_watches_.clear();
    transactions_ = 0;
    // A new connection is what takes the old one's watches and transactions away.
    if (const std::string why = guest_.open(); !why.empty()) {
        say(why);
        lost();
    }
}

void BridgedStore::submit(const StoreMessage& message) {
    if (message.type == XS_RESET_WATCHES) {
        const Deliver deliver = deliver_;
        connect(deliver);
        deliver_({message.type, message.request, 0, std::string{"OK\0", 3}});
        return;
    }
    const std::optional<StoreMessage> moved = below_base(message);
    if (!moved) {
        return;
    }
    if (away_) {
        refuse(message, EAGAIN);
        return;
    }
    asked_[message.request] = {message.type, message.transaction};
    if (message.type == XS_WATCH || message.type == XS_UNWATCH) {
        asked_watches_[message.request] = message;
    }
    if (!guest_.send(*moved)) {
        lost();
    }
}

// The message with its path below the base; refused (and answered) when there is no place for it.
std::optional<StoreMessage> BridgedStore::below_base(const StoreMessage& message) {
    switch (message.type) {
        case XS_TRANSACTION_START:
        case XS_TRANSACTION_END:
            return message;
        case XS_DIRECTORY:
        case XS_READ:
        case XS_GET_PERMS:
        case XS_WATCH:
        case XS_UNWATCH:
        case XS_WRITE:
        case XS_MKDIR:
        case XS_RM:
        case XS_DIRECTORY_PART:
            break;
        case XS_GET_DOMAIN_PATH:
            deliver_({message.type, message.request, 0, base_ + '\0'});
            return std::nullopt;
        default:
            refuse(message, EACCES);
            return std::nullopt;
    }
    const std::string path = message.payload.substr(0, message.payload.find('\0'));
    if (!valid_path(path, false)) {
        refuse(message, EINVAL);
        return std::nullopt;
    }
    StoreMessage moved = message;
    if (path.front() != '/') {
        moved.payload.insert(0, base_ + "/");
    } else if (path != base_ && path.rfind(base_ + "/", 0) != 0) {
        say(path + ": outside of " + base_ + ", refused");
        refuse(message, EACCES);
        return std::nullopt;
    }
    if (moved.payload.size() > kStorePayload) {
        say(path + ": " + std::to_string(moved.payload.size()) +
            " bytes with its base path, more "
            "than the " +
            std::to_string(kStorePayload) + " of a message");
        refuse(message, E2BIG);
        return std::nullopt;
    }
    return moved;
}

void BridgedStore::refuse(const StoreMessage& message, int error) {
    asked_.erase(message.request);
    deliver_({XS_ERROR, message.request, message.transaction,
              std::string{store_error_word(error)} + '\0'});
}

void BridgedStore::guest_message(StoreMessage message) {
    if (message.type == XS_WATCH_EVENT) {
        auto strings = split_strings(message.payload);
        const auto watch =
            strings.size() > 1 ? guest_watches_.find(strings[1]) : guest_watches_.end();
        if (watch == guest_watches_.end()) {
            return;
        }
        if (watch->second.relative && strings[0].rfind(base_ + "/", 0) == 0) {
            strings[0].erase(0, base_.size() + 1);
        }
        message.payload = strings[0] + '\0' + strings[1] + '\0';
    } else if (message.request == kNobody) {
        return;
    } else {
        remember(message);
    }
    deliver_(message);
}

// Keeps count of what has to be done again, or is lost, when xenstored starts anew.
void BridgedStore::remember(const StoreMessage& reply) {
    const auto asked = asked_.find(reply.request);
    if (asked == asked_.end()) {
        return;
    }
    const uint32_t type = asked->second.type;
    asked_.erase(asked);
    if (type == XS_TRANSACTION_START && reply.type != XS_ERROR) {
        ++transactions_;
    } else if (type == XS_TRANSACTION_END && transactions_ > 0) {
        --transactions_;
    }
    const auto watch = asked_watches_.extract(reply.request);
    if (watch.empty() || reply.type == XS_ERROR) {
        return;
    }
    const auto strings = split_strings(watch.mapped().payload);
    if (strings.size() < 2) {
        return;
    }
    if (type == XS_WATCH) {
        guest_watches_[strings[1]] = {strings[0], strings[0].front() != '/'};
    } else {
        guest_watches_.erase(strings[1]);
    }
}

void BridgedStore::idle(Nanoseconds longest) {
    if (away_) {
        poll(nullptr, 0, to_ms(std::min(longest, kRetry)));
        come_back();
        return;
    }
    std::array<pollfd, 2> ends{{{.fd = guest_.fd(), .events = POLLIN, .revents = 0},
                                {.fd = host_.fd(), .events = POLLIN, .revents = 0}}};
    poll(ends.data(), ends.size(), to_ms(longest));
    take_all();
}

void BridgedStore::take_all() {
    while (auto message = guest_.take()) {
        guest_message(std::move(*message));
    }
    while (auto message = host_.take()) {
        host_event(*message);
    }
    if (!guest_.is_open() || !host_.is_open()) {
        lost();
    }
}

void BridgedStore::lost() {
    if (away_) {
        return;
    }
    away_ = true;
    guest_.close();
    host_.close();
    transactions_ = 0;
    say("xenstored is gone; " + std::to_string(asked_.size()) + " requests are to be repeated");
    const auto asked = std::move(asked_);
    asked_.clear();
    asked_watches_.clear();
    for (const auto& [request, what] : asked) {
        deliver_({XS_ERROR, request, what.transaction, std::string{"EAGAIN"} + '\0'});
    }
}

void BridgedStore::come_back() {
    if (!host_.open().empty() || !guest_.open().empty()) {
        host_.close();
        guest_.close();
        return;
    }
    away_ = false;
    ++restarts_;
    write_home();
    for (std::size_t i = 0; i < host_watches_.size(); ++i) {
        ask(XS_WATCH, full(host_watches_[i].path) + '\0' + std::to_string(i) + '\0');
    }
    for (const auto& [token, watch] : guest_watches_) {
        const std::string path = watch.relative ? full(watch.path) : watch.path;
        guest_.send({XS_WATCH, kNobody, 0, path + '\0' + token + '\0'});
    }
    say("xenstored is back; " + std::to_string(guest_watches_.size()) + " watches set again");
    if (reconnected) {
        reconnected();
    }
}

void BridgedStore::say(const std::string& text) {
    if (log && text != last_said_) {
        last_said_ = text;
        log(text);
    }
}

}  // namespace resume::model
