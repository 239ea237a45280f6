// A request's life, and the calls that wait for it.
#include "drivers/store/store.h"

// Uses fixed-width types without including them.
#include <xen/io/xs_wire.h>

#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {
namespace {

uint32_t string_size(const char* text) noexcept {
    uint32_t size = 0;
    while (text[size] != '\0') {
        ++size;
    }
    return size + 1;
}

}  // namespace

bool Store::may_enter(const StoreRequest& request) const noexcept {
    if (!closed_ || reconnecting_) {
        return true;
    }
    // Who has a transaction open is inside already, and must be able to end it.
    for (const StoreTransaction& open : open_) {
        if (open.id != 0 && open.id == request.transaction &&
            open.owner == StoreTransaction::Owner::kernel) {
            return true;
        }
    }
    return false;
}

Result<> Store::submit(StoreRequest& request) noexcept {
    using State = StoreRequest::State;
    RESUME_ASSERT(request.state == State::idle || request.state == State::done);
    if (request.head_size > kStorePayloadMax ||
        request.tail_size > kStorePayloadMax - request.head_size) {
        return {Errc::invalid, static_cast<int32_t>(request.head_size)};
    }
    if (broken_) {
        return Errc::malformed;
    }
    request.error = {};
    request.reply_size = 0;
    if (may_enter(request)) {
        request.state = State::queued;
        queue_.push_back(request);
    } else {
        request.state = State::held;
        held_.push_back(request);
    }
    return {};
}

void Store::cancel(StoreRequest& request) noexcept {
    using State = StoreRequest::State;
    if (request.state == State::queued) {
        queue_.erase(queue_.iterator_to(request));
    } else if (request.state == State::held) {
        held_.erase(held_.iterator_to(request));
    } else if (request.state == State::sent) {
        // The message goes out whole and its reply is waited for: only the user is gone.
        if (Slot* slot = slot_of(request.id); slot != nullptr) {
            slot->user = nullptr;
        }
    }
    request.state = State::idle;
}

void Store::finish(StoreRequest& request, Error error) noexcept {
    request.state = StoreRequest::State::done;
    request.error = error;
    if (request.completed != nullptr) {
        request.completed(request.argument, request);
    }
}

Store::Slot* Store::slot_of(uint32_t id) noexcept {
    for (Slot& slot : slots_) {
        if (slot.id == id && id != 0) {
            return &slot;
        }
    }
    return nullptr;
}

Ticks Store::wait_deadline() const noexcept {
    return raw_counter(machine_) + counter_hz(machine_) / 1000 * kWaitMs;
}

/// For a request that was handed in; one that is not answered in time is cancelled.
Result<> Store::wait_for(StoreRequest& request, Ticks deadline) noexcept {
    pump();
    while (request.state != StoreRequest::State::done) {
        if (raw_counter(machine_) >= deadline) {
            cancel(request);
            return Errc::timed_out;
        }
        wait_for_interrupt(machine_, deadline);
        pump();
    }
    return request.error.code == Errc::none ? Result<>{} : request.error;
}

/// Waits; never while the gate is closed, since nobody could open it then (L23).
Result<uint32_t> Store::call(StoreRequest& request) noexcept {
    if (!may_enter(request)) {
        return Errc::busy;
    }
    RESUME_TRY(submit(request));
    RESUME_TRY(wait_for(request, wait_deadline()));
    return request.reply_size;
}

Result<uint32_t> Store::read(const char* path, char* value, uint32_t capacity,
                             uint32_t transaction) noexcept {
    return query(XS_READ, path, value, capacity, transaction);
}

Result<uint32_t> Store::directory(const char* path, char* names, uint32_t capacity,
                                  uint32_t transaction) noexcept {
    return query(XS_DIRECTORY, path, names, capacity, transaction);
}

Result<uint32_t> Store::query(uint32_t type, const char* path, char* reply, uint32_t capacity,
                              uint32_t transaction) noexcept {
    if (!valid_store_path(path)) {
        return Errc::invalid;
    }
    StoreRequest request;
    request.type = type;
    request.transaction = transaction;
    request.head = path;
    request.head_size = string_size(path);
    request.reply = reply;
    request.reply_capacity = capacity;
    return call(request);
}

Result<> Store::write(const char* path, const char* value, uint32_t size,
                      uint32_t transaction) noexcept {
    return change(XS_WRITE, path, value, size, transaction);
}

Result<> Store::remove(const char* path, uint32_t transaction) noexcept {
    return change(XS_RM, path, nullptr, 0, transaction);
}

Result<> Store::change(uint32_t type, const char* path, const char* value, uint32_t size,
                       uint32_t transaction) noexcept {
    if (!valid_store_path(path)) {
        return Errc::invalid;
    }
    StoreRequest request;
    request.type = type;
    request.transaction = transaction;
    request.head = path;
    request.head_size = string_size(path);
    request.tail = value;
    request.tail_size = size;
    const Result<uint32_t> done = call(request);
    return done.ok() ? Result<>{} : done.error();
}

}  // namespace v0
}  // namespace resume
