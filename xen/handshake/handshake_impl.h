// The text of handshake.h's template; never included by anybody else.
#pragma once

namespace resume {
inline namespace v0 {
namespace handshake {

inline constexpr const char* kNode = "control/shutdown";
/// Longer than any word: what does not fit is no word.
inline constexpr uint32_t kValueMax = 16;

}  // namespace handshake

template <class Store>
Result<> Handshake<Store>::start() noexcept {
    watch_.path = handshake::kNode;
    watch_.fired = &Handshake::on_watch;
    watch_.argument = this;
    RESUME_TRY(store_.watch(watch_));
    return announce();
}

template <class Store>
Result<> Handshake<Store>::stop() noexcept {
    return store_.unwatch(watch_);
}

template <class Store>
Result<> Handshake<Store>::announce() noexcept {
    announced_ = false;
    for (uint8_t i = 1; i < kShutdownWordCount; ++i) {
        const auto word = static_cast<ShutdownWord>(i);
        const char* node = feature_node(word);
        if (node == nullptr || !config_.handled.has(word)) {
            continue;
        }
        Result<> written = store_.write(node, "1", 1, 0);
        for (uint32_t tries = 1;
             tries < config_.attempts && !written.ok() && written.error().code == Errc::again;
             ++tries) {
            written = store_.write(node, "1", 1, 0);
        }
        if (!written.ok() && written.error().code != Errc::denied) {
            return written;
        }
        if (written.ok() && word == ShutdownWord::suspend) {
            emit(EventKind::feature_written, 1);
        }
    }
    announced_ = true;
    return {};
}

template <class Store>
Result<ShutdownRequest> Handshake<Store>::poll() noexcept {
    fired_ = false;
    if (!announced_ && !busy_) {
        (void)announce();  // who was told that it failed heard so when it did
    }
    if (busy_) {
        emit(EventKind::request_ignored, static_cast<uint32_t>(RequestIgnored::busy));
        return ShutdownRequest{};
    }
    for (uint32_t attempt = 0; attempt < config_.attempts; ++attempt) {
        const Result<ShutdownWord> word = ack_once();
        if (!word.ok() && word.error().code == Errc::again) {
            continue;
        }
        if (!word.ok()) {
            fired_ = true;
            return word.error();
        }
        if (word.value() == ShutdownWord::none || config_.ack_only) {
            return ShutdownRequest{};
        }
        busy_ = true;
        const Ticks now = raw_counter(machine_);
        const Ticks budget = counter_hz(machine_) / 1000 * config_.budget_ms;
        return ShutdownRequest{.word = word.value(), .acked = now, .deadline = now + budget};
    }
    fired_ = true;
    emit(EventKind::request_ignored, static_cast<uint32_t>(RequestIgnored::torn));
    return Errc::again;
}

/// One try; none: nothing to be done. The transaction is over in any case.
template <class Store>
Result<ShutdownWord> Handshake<Store>::ack_once() noexcept {
    typename Store::Transaction transaction{};
    RESUME_TRY(store_.begin(transaction));
    char value[handshake::kValueMax] = {};
    const Result<uint32_t> size =
        store_.read(handshake::kNode, value, sizeof(value), transaction.id);
    ShutdownWord word = ShutdownWord::none;
    RequestIgnored why = RequestIgnored::unhandled;
    if (!size.ok()) {
        why = RequestIgnored::missing;
    } else if (size.value() == 0) {
        why = RequestIgnored::empty;
    } else if (size.value() <= sizeof(value)) {
        word = parse_shutdown_word(value, size.value());
    }
    if (!config_.handled.has(word)) {
        const Result<> left = store_.end(transaction, false);
        if (!size.ok() && size.error().code != Errc::not_found) {
            return size.error();
        }
        (void)left;  // nothing was written: how its end went changes nothing
        emit(EventKind::request_ignored, static_cast<uint32_t>(why));
        return ShutdownWord::none;
    }
    emit(EventKind::request_seen, static_cast<uint32_t>(word));
    if (const Result<> written = store_.write(handshake::kNode, "", 0, transaction.id);
        !written.ok()) {
        (void)store_.end(transaction, false);
        return written.error();
    }
    RESUME_TRY(store_.end(transaction, true));
    emit(EventKind::request_acked, static_cast<uint32_t>(word));
    return word;
}

template <class Store>
Result<> Handshake<Store>::finished(Outcome outcome) noexcept {
    busy_ = false;
    // What came meanwhile had its event while we were busy; look again without one.
    fired_ = true;
    return outcome == Outcome::resumed ? announce() : Result<>{};
}

template <class Store>
void Handshake<Store>::emit(EventKind kind, uint32_t a) noexcept {
    trace_of(machine_).write({.ticks = raw_counter(machine_),
                              .arg64 = 0,
                              .arg32 = a,
                              .status = 0,
                              .device = kNoDevice,
                              .kind = kind,
                              .phase = Phase::none,
                              .witness = Witness::driver,
                              .cpu = static_cast<uint8_t>(current_cpu(machine_))});
}

template <class Store>
void Handshake<Store>::on_watch(void* self, const char*) noexcept {
    static_cast<Handshake*>(self)->fired_ = true;
}

}  // namespace v0
}  // namespace resume
