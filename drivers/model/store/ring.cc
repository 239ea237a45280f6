#include "drivers/model/store/ring.h"

#include <algorithm>
#include <cstring>

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

constexpr Nanoseconds kLatency = 20 * kMicrosecond;
constexpr uint32_t kRing = XENSTORE_RING_SIZE;

std::string to_bytes(const StoreMessage& message) {
    const xsd_sockmsg head{message.type, message.request, message.transaction,
                           static_cast<uint32_t>(message.payload.size())};
    std::string bytes(sizeof head, '\0');
    std::memcpy(bytes.data(), &head, sizeof head);
    return bytes + message.payload;
}

}  // namespace

xenstore_domain_interface& StoreRing::page() const {
    return *reinterpret_cast<xenstore_domain_interface*>(machine_.memory.page(kStoreGfn));
}

void StoreRing::connect(Port port) {
    port_ = port;
    broken_ = false;
    input_.clear();
    output_.clear();
    bytes_.clear();
    written_ = 0;
    placed_.clear();
    asked_.clear();
    const uint32_t connection = ++connection_;
    machine_.store->introduce(machine_.domain.id());
    machine_.store->connect([this, connection](const StoreMessage& message) {
        if (connection == connection_) {
            deliver(message);
        }
    });
}

void StoreRing::notified() {
    if (scheduled_) {
        return;
    }
    scheduled_ = true;
    machine_.clock.after(kLatency + machine_.jitter(kLatency), [this] {
        scheduled_ = false;
        serve();
    });
}

void StoreRing::serve() {
    const uint64_t before = requests_;
    while (!broken_ && take_bytes()) {
        while (!broken_ && take_message()) {
        }
    }
    rounds_ += requests_ != before ? 1 : 0;
    flush();
}

bool StoreRing::take_bytes() {
    xenstore_domain_interface& ring = page();
    const uint32_t available = ring.req_prod - ring.req_cons;
    if (available > kRing) {
        broken_ = true;
        return false;
    }
    for (uint32_t i = 0; i < available; ++i) {
        input_.push_back(ring.req[MASK_XENSTORE_IDX(ring.req_cons)]);
        ++ring.req_cons;
    }
    if (available != 0) {
        machine_.channels.raise(port_);
    }
    return available != 0;
}

bool StoreRing::take_message() {
    xsd_sockmsg head{};
    if (input_.size() < sizeof head) {
        return false;
    }
    std::memcpy(&head, input_.data(), sizeof head);
    if (head.len > kStorePayload) {
        broken_ = true;  // 4.4.1: breaking the payload's limit ends the connection
        return false;
    }
    if (input_.size() < sizeof head + head.len) {
        return false;
    }
    const StoreMessage message{head.type, head.req_id, head.tx_id,
                               input_.substr(sizeof head, head.len)};
    input_.erase(0, sizeof head + head.len);
    ++requests_;
    machine_.sight(EventKind::store_request, message.type,
                   uint64_t{message.transaction} << 32 | message.request);
    submit(message);
    return true;
}

void StoreRing::submit(const StoreMessage& message) {
    uint64_t token = 0;
    if (message.type == XS_WATCH || message.type == XS_UNWATCH) {
        const auto strings = split_strings(message.payload);
        token = strings.size() > 1 ? token_hash(strings[1]) : 0;
    }
    asked_[message.request] = {message.type, token};
    const auto hit = machine_.faults.meet(FaultSite::store_request, message.type);
    if (!hit) {
        machine_.store->submit(message);
        return;
    }
    machine_.sight(EventKind::fault_injected, hit->index);
    const Fault& fault = hit->fault;
    if (fault.swallow || fault.error != 0) {
        StoreMessage reply{message.type, message.request, message.transaction, {"OK\0", 3}};
        if (fault.error != 0) {
            reply.type = XS_ERROR;
            reply.payload = std::string{store_error_word(fault.error)} + '\0';
        }
        deliver(reply);
        return;
    }
    const uint32_t connection = connection_;
    machine_.clock.after(fault.delay, [this, connection, message] {
        if (connection == connection_) {
            machine_.store->submit(message);
        }
    });
}

// What waits already need not wait twice: a storm of one watch costs one event (L19).
bool StoreRing::waits_already(const StoreMessage& message) const {
    return message.type == XS_WATCH_EVENT &&
           std::any_of(output_.begin() + (bytes_.empty() || output_.empty() ? 0 : 1), output_.end(),
                       [&](const StoreMessage& other) {
                           return other.type == XS_WATCH_EVENT && other.payload == message.payload;
                       });
}

void StoreRing::deliver(const StoreMessage& message) {
    if (waits_already(message)) {
        return;
    }
    output_.push_back(message);
    flush();
}

void StoreRing::flush() {
    xenstore_domain_interface& ring = page();
    bool put = false;
    while (!broken_ && !output_.empty()) {
        if (bytes_.empty()) {
            bytes_ = to_bytes(output_.front());
            written_ = 0;
        }
        const uint32_t used = ring.rsp_prod - ring.rsp_cons;
        if (used > kRing) {
            broken_ = true;
            return;
        }
        const std::size_t count = std::min<std::size_t>(kRing - used, bytes_.size() - written_);
        for (std::size_t i = 0; i < count; ++i) {
            ring.rsp[MASK_XENSTORE_IDX(ring.rsp_prod)] = bytes_[written_++];
            ++ring.rsp_prod;
        }
        put = put || count != 0;
        if (written_ < bytes_.size()) {
            break;
        }
        placed_.push_back({ring.rsp_prod, static_cast<uint32_t>(bytes_.size()),
                           output_.front().type != XS_WATCH_EVENT});
        witness(output_.front());
        bytes_.clear();
        output_.pop_front();
    }
    while (!placed_.empty() && static_cast<int32_t>(ring.rsp_cons - placed_.front().end) >= 0) {
        placed_.pop_front();
    }
    if (put) {
        machine_.channels.raise(port_);
    }
}

void StoreRing::witness(const StoreMessage& message) {
    if (message.type == XS_WATCH_EVENT) {
        const auto strings = split_strings(message.payload);
        machine_.sight(EventKind::watch_event, 0, strings.size() > 1 ? token_hash(strings[1]) : 0);
        return;
    }
    uint32_t transaction = message.transaction;
    if (message.type == XS_TRANSACTION_START) {
        transaction = static_cast<uint32_t>(std::strtoul(message.payload.c_str(), nullptr, 10));
    }
    const int32_t error = message.type == XS_ERROR ? store_error_number(message.payload) : 0;
    machine_.sight(EventKind::store_reply, message.type,
                   uint64_t{transaction} << 32 | message.request, error);
    const auto asked = asked_.find(message.request);
    if (asked == asked_.end()) {
        return;
    }
    if (error == 0 && asked->second.type == XS_WATCH) {
        machine_.sight(EventKind::watch_added, 0, asked->second.token);
    } else if (error == 0 && asked->second.type == XS_UNWATCH) {
        machine_.sight(EventKind::watch_removed, 0, asked->second.token);
    }
    asked_.erase(asked);
}

uint32_t StoreRing::unfinished() const {
    const xenstore_domain_interface& ring = page();
    uint32_t bytes = ring.req_prod - ring.req_cons + static_cast<uint32_t>(input_.size());
    for (const Placed& message : placed_) {
        const auto unread = static_cast<int32_t>(message.end - ring.rsp_cons);
        if (message.reply && unread > 0) {
            bytes += std::min(message.size, static_cast<uint32_t>(unread));
        }
    }
    for (const StoreMessage& message : output_) {
        bytes += message.type == XS_WATCH_EVENT
                     ? 0
                     : static_cast<uint32_t>(sizeof(xsd_sockmsg) + message.payload.size());
    }
    return bytes;
}

}  // namespace resume::model
