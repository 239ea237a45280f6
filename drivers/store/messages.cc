// Between requests and the ring: one message is staged on the way out, one collected on the way in,
// both in memory of our own, so that neither a user nor the other side can change it half way.
#include "drivers/store/store.h"

// Uses fixed-width types without including them.
#include <xen/io/xs_wire.h>

#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {
namespace {

uint64_t trace_ids(uint32_t transaction, uint32_t request) noexcept {
    return uint64_t{transaction} << 32 | request;
}

void copy(char* to, const char* from, uint32_t size) noexcept {
    if (size != 0) {
        __builtin_memcpy(to, from, size);
    }
}

}  // namespace

bool Store::stage_next() noexcept {
    Slot* free = nullptr;
    for (Slot& slot : slots_) {
        if (slot.id == 0) {
            free = &slot;
            break;
        }
    }
    if (queue_.empty() || free == nullptr) {
        return false;
    }
    StoreRequest& request = queue_.front();
    queue_.pop_front();
    do {
        request.id = next_id_++;
    } while (request.id == 0 || slot_of(request.id) != nullptr);
    *free = Slot{.id = request.id, .type = request.type, .user = &request};
    request.state = StoreRequest::State::sent;
    const StoreHead head{.type = request.type,
                         .request = request.id,
                         .transaction = request.transaction,
                         .length = request.head_size + request.tail_size};
    write_store_head(head, out_);
    copy(out_ + kStoreHeadSize, request.head, request.head_size);
    copy(out_ + kStoreHeadSize + request.head_size, request.tail, request.tail_size);
    out_size_ = kStoreHeadSize + head.length;
    out_done_ = 0;
    emit(machine_, id(), EventKind::store_request, head.type,
         trace_ids(head.transaction, head.request));
    return true;
}

void Store::transmit() noexcept {
    bool moved = false;
    while (out_done_ < out_size_ || stage_next()) {
        const Result<uint32_t> put = ring_.put(out_ + out_done_, out_size_ - out_done_);
        if (!put.ok()) {
            break_connection();
            return;
        }
        out_done_ += put.value();
        moved = moved || put.value() != 0;
        if (out_done_ < out_size_) {
            break;  // full: the daemon's event says when there is room
        }
    }
    if (moved) {
        (void)events_.notify(channel_);
    }
}

/// Bounded by what the ring holds when it begins: a daemon that never stops talking does not keep
/// us here (L19).
void Store::receive() noexcept {
    bool moved = false;
    uint32_t budget = 2 * XENSTORE_RING_SIZE;
    while (budget != 0 && !broken_) {
        uint32_t wanted = kStoreHeadSize;
        if (in_size_ >= kStoreHeadSize) {
            const Result<StoreHead> head = parse_store_head(in_, in_size_);
            if (!head.ok()) {
                break_connection();
                return;
            }
            wanted += head.value().length;
        }
        if (in_size_ < wanted) {
            const uint32_t rest = wanted - in_size_;
            const Result<uint32_t> got = ring_.take(in_ + in_size_, rest < budget ? rest : budget);
            if (!got.ok()) {
                break_connection();
                return;
            }
            in_size_ += got.value();
            budget -= got.value();
            moved = moved || got.value() != 0;
            if (got.value() == 0) {
                break;
            }
        } else {
            take_message();
        }
    }
    if (moved) {
        (void)events_.notify(channel_);
    }
}

void Store::take_message() noexcept {
    const StoreHead head = parse_store_head(in_, in_size_).value();
    in_size_ = 0;
    if (head.type == XS_WATCH_EVENT) {
        take_event(head);
    } else {
        take_reply(head);
    }
}

void Store::take_reply(const StoreHead& head) noexcept {
    Slot* slot = slot_of(head.request);
    if (slot == nullptr) {
        ++stray_;
        return;
    }
    const char* payload = in_ + kStoreHeadSize;
    const Slot answered = *slot;
    *slot = Slot{};
    Error error{};
    if (head.type == XS_ERROR) {
        error = store_error(parse_store_error(payload, head.length));
    } else if (head.type != answered.type) {
        error = {.code = Errc::malformed, .detail = static_cast<int32_t>(head.type)};
    }
    uint32_t transaction = head.transaction;
    if (answered.type == XS_TRANSACTION_START && error.code == Errc::none) {
        const Result<uint32_t> started = parse_store_number(payload, head.length);
        transaction = started.ok() ? started.value() : 0;
    }
    emit(machine_, id(), EventKind::store_reply, head.type, trace_ids(transaction, head.request),
         error.detail);
    if (answered.user == nullptr) {
        ++stray_;
        adopt_orphan(answered.type, transaction);
        return;
    }
    StoreRequest& user = *answered.user;
    user.reply_size = head.length;
    if (user.reply != nullptr) {
        const uint32_t fits = head.length < user.reply_capacity ? head.length : user.reply_capacity;
        copy(user.reply, payload, fits);
        if (fits < user.reply_capacity) {
            user.reply[fits] = '\0';
        }
    }
    finish(user, error);
}

void Store::take_event(const StoreHead& head) noexcept {
    const Result<StoreEvent> parsed = parse_store_event(in_ + kStoreHeadSize, head.length);
    if (!parsed.ok()) {
        ++stray_;
        return;
    }
    const StoreEvent& event = parsed.value();
    StoreWatch* watch = watch_of(event);
    if (watch == nullptr) {
        ++stray_;
        return;
    }
    emit(machine_, id(), EventKind::watch_event, 0,
         store_token_hash(event.token, event.token_length));
    const bool fits = event.path_length < StoreWatch::kWhereMax;
    if (watch->pending || !fits) {
        watch->where[0] = '\0';  // several, or too long: look everywhere
    } else {
        copy(watch->where, event.path, event.path_length);
        watch->where[event.path_length] = '\0';
    }
    watch->pending = true;
}

}  // namespace v0
}  // namespace resume
