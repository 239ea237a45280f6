#include "drivers/model/store/ring.h"

#include <algorithm>
#include <cstring>

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

constexpr Nanoseconds kLatency = 20 * kMicrosecond;
constexpr uint32_t kRing = XENSTORE_RING_SIZE;

void to_bytes(const StoreMessage& message, std::string& bytes) {
    const xsd_sockmsg head{message.type, message.request, message.transaction,
                           static_cast<uint32_t>(message.payload.size())};
    bytes.assign(reinterpret_cast<const char*>(&head), sizeof head);
    bytes += message.payload;
}

/// Up to the ring's end at once, so two pieces at most.
template <class Piece>
void in_pieces(uint32_t from, uint32_t count, Piece piece) {
    while (count != 0) {
        const uint32_t at = MASK_XENSTORE_IDX(from);
        const uint32_t size = std::min(count, kRing - at);
        piece(at, size);
        from += size;
        count -= size;
    }
}

uint64_t token_of(std::string_view payload) {
    const StoreWords words = words_of(payload);
    return words.size() > 1 ? token_hash(words[1]) : 0;
}

}  // namespace

void StoreRing::connect(Port port) {
    page_ = reinterpret_cast<xenstore_domain_interface*>(machine_.memory.page(kStoreGfn));
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
    machine_.store->connect([this, connection](StoreMessage message) {
        if (connection == connection_) {
            deliver(std::move(message));
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
    in_pieces(ring.req_cons, available,
              [&](uint32_t at, uint32_t size) { input_.append(ring.req + at, size); });
    ring.req_cons += available;
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
        token = token_of(message.payload);
    }
    asked_.push_back({message.request, message.type, token});
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

void StoreRing::deliver(StoreMessage message) {
    if (waits_already(message)) {
        return;
    }
    output_.push_back(std::move(message));
    flush();
}

void StoreRing::flush() {
    xenstore_domain_interface& ring = page();
    bool put = false;
    while (!broken_ && !output_.empty()) {
        if (bytes_.empty()) {
            to_bytes(output_.front(), bytes_);
            written_ = 0;
        }
        const uint32_t used = ring.rsp_prod - ring.rsp_cons;
        if (used > kRing) {
            broken_ = true;
            return;
        }
        const auto count =
            static_cast<uint32_t>(std::min<std::size_t>(kRing - used, bytes_.size() - written_));
        in_pieces(ring.rsp_prod, count, [&](uint32_t at, uint32_t size) {
            std::memcpy(ring.rsp + at, bytes_.data() + written_, size);
            written_ += size;
        });
        ring.rsp_prod += count;
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
        machine_.sight(EventKind::watch_event, 0, token_of(message.payload));
        return;
    }
    uint32_t transaction = message.transaction;
    if (message.type == XS_TRANSACTION_START) {
        transaction = static_cast<uint32_t>(std::strtoul(message.payload.c_str(), nullptr, 10));
    }
    const int32_t error = message.type == XS_ERROR ? store_error_number(message.payload) : 0;
    machine_.sight(EventKind::store_reply, message.type,
                   uint64_t{transaction} << 32 | message.request, error);
    // A number that is used twice means its last user.
    const auto last = std::find_if(asked_.rbegin(), asked_.rend(), [&](const Asked& asked) {
        return asked.request == message.request;
    });
    if (last == asked_.rend()) {
        return;
    }
    const auto asked = std::prev(last.base());
    if (error == 0 && asked->type == XS_WATCH) {
        machine_.sight(EventKind::watch_added, 0, asked->token);
    } else if (error == 0 && asked->type == XS_UNWATCH) {
        machine_.sight(EventKind::watch_removed, 0, asked->token);
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
