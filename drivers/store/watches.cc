#include "drivers/store/store.h"

// Uses fixed-width types without including them.
#include <xen/io/xs_wire.h>

#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kFiresAPump = 64;

uint32_t length_of(const char* text) noexcept {
    uint32_t length = 0;
    while (text[length] != '\0') {
        ++length;
    }
    return length;
}

/// "w" and a number in hexadecimal: unique for the life of the guest.
void name_token(uint32_t number, char (&token)[12]) noexcept {
    token[0] = 'w';
    for (uint32_t i = 0; i < 8; ++i) {
        token[1 + i] = "0123456789abcdef"[number >> (28 - 4 * i) & 15U];
    }
    token[9] = '\0';
}

bool equal(const char* text, const char* bytes, uint32_t length) noexcept {
    for (uint32_t i = 0; i < length; ++i) {
        if (text[i] == '\0' || text[i] != bytes[i]) {
            return false;
        }
    }
    return text[length] == '\0';
}

uint64_t hash_of(const StoreWatch& watch) noexcept {
    return store_token_hash(watch.token, length_of(watch.token));
}

}  // namespace

Result<> Store::add_watch(StoreWatch& watch) noexcept {
    if (watch.registered) {
        return Errc::exists;
    }
    if (!valid_store_path(watch.path)) {
        return Errc::invalid;
    }
    // The first event may come before the reply.
    name_token(next_token_++, watch.token);
    watch.registered = true;
    watch.pending = false;
    watch.store = this;
    watches_.push_back(watch);
    const Result<> sent = send_watch(watch);
    if (!sent.ok()) {
        forget(watch);
    }
    return sent;
}

Result<> Store::watch(StoreWatch& watch) noexcept {
    if (closed_ && !reconnecting_) {
        return watch.registered ? Errc::exists : Errc::busy;
    }
    RESUME_TRY(add_watch(watch));
    const Result<> done = wait_for(watch.registration, wait_deadline());
    if (!done.ok()) {
        forget(watch);
    }
    return done;
}

Result<> Store::unwatch(StoreWatch& watch) noexcept {
    if (!watch.registered) {
        return Errc::not_found;
    }
    let_go(watch);
    StoreRequest request;
    request.type = XS_UNWATCH;
    request.head = watch.path;
    request.head_size = length_of(watch.path) + 1;
    request.tail = watch.token;
    request.tail_size = length_of(watch.token) + 1;
    const Result<uint32_t> done = call(request);
    if (!done.ok()) {
        return done.error();
    }
    emit(machine_, id(), EventKind::watch_removed, 0, hash_of(watch));
    return {};
}

void Store::forget(StoreWatch& watch) noexcept {
    if (watch.registered) {
        let_go(watch);
        emit(machine_, id(), EventKind::watch_dropped, 0, hash_of(watch));
    }
}

void Store::let_go(StoreWatch& watch) noexcept {
    cancel(watch.registration);
    watches_.erase(watches_.iterator_to(watch));
    watch.registered = false;
    watch.pending = false;
}

Result<> Store::send_watch(StoreWatch& watch) noexcept {
    StoreRequest& request = watch.registration;
    cancel(request);  // held since before a resume: said anew
    request.type = XS_WATCH;
    request.head = watch.path;
    request.head_size = length_of(watch.path) + 1;
    request.tail = watch.token;
    request.tail_size = length_of(watch.token) + 1;
    request.completed = &Store::on_watch_answered;
    request.argument = &watch;
    return submit(request);
}

void Store::on_watch_answered(void* argument, StoreRequest& request) noexcept {
    auto& watch = *static_cast<StoreWatch*>(argument);
    watch.store->end_registration(watch, request.error);
}

void Store::end_registration(StoreWatch& watch, const Error& error) noexcept {
    if (error.code == Errc::none) {
        emit(machine_, id(), EventKind::watch_added, 0, hash_of(watch));
    } else if (watch.refused != nullptr && !reconnecting_) {
        forget(watch);
        watch.refused(watch.argument, error);
    }
}

/// All of them at once, before anyone may add one. One that fails does not keep the others away; a
/// daemon that does not answer at all does.
Result<> Store::register_watches_again(DomainEvidence evidence) noexcept {
    for (StoreWatch& watch : watches_) {
        RESUME_TRY(send_watch(watch));
    }
    Result<> first{};
    const Ticks deadline = wait_deadline();
    for (StoreWatch& watch : watches_) {
        const Result<> done = wait_for(watch.registration, deadline);
        const bool there_already =
            !done.ok() && done.error().code == Errc::exists && evidence == DomainEvidence::same;
        if (!done.ok() && !there_already && first.ok()) {
            first = done;
        }
    }
    return first;
}

StoreWatch* Store::watch_of(const StoreEvent& event) noexcept {
    for (StoreWatch& watch : watches_) {
        if (equal(watch.token, event.token, event.token_length)) {
            return &watch;
        }
    }
    return nullptr;
}

/// A callback may take watches away or add some, so the list is looked through anew after each. One
/// that feeds itself does not keep us here: what is left over is fired by the next pump(), and the
/// event that fed it brings that about.
void Store::fire_watches() noexcept {
    for (uint32_t rounds = kFiresAPump; rounds != 0; --rounds) {
        StoreWatch* next = nullptr;
        for (StoreWatch& watch : watches_) {
            if (watch.pending) {
                next = &watch;
                break;
            }
        }
        if (next == nullptr) {
            return;
        }
        next->pending = false;
        if (next->fired != nullptr) {
            char where[StoreWatch::kWhereMax];
            __builtin_memcpy(where, next->where, sizeof(where));
            next->fired(next->argument, where);
        }
    }
}

}  // namespace v0
}  // namespace resume
