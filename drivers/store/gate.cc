// The gate: nobody is inside the store when the guest goes down (L4).
#include "drivers/store/store.h"
#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {

Result<> Store::wait_until_empty(Ticks deadline) noexcept {
    pump();
    while (users() != 0) {
        if (raw_counter(machine_) >= deadline) {
            return {Errc::timed_out, static_cast<int32_t>(users())};
        }
        wait_for_interrupt(machine_, deadline);
        pump();
    }
    return {};
}

Result<> Store::lock_out(Ticks deadline) noexcept {
    RESUME_ASSERT(!closed_);
    closed_ = true;
    if (bugs_.has(Bug::store_in_flight)) {
        return {};
    }
    const Result<> empty = wait_until_empty(deadline);
    if (!empty.ok()) {
        let_in();
    }
    return empty;
}

void Store::let_in() noexcept {
    closed_ = false;
    while (!held_.empty()) {
        StoreRequest& request = held_.front();
        held_.pop_front();
        request.state = StoreRequest::State::queued;
        queue_.push_back(request);
    }
}

Result<> Store::close(Ticks deadline) noexcept {
    RESUME_TRY(lock_out(deadline));
    emit(machine_, id(), EventKind::store_closed, users());
    return {};
}

Result<> Store::open(Outcome outcome, DomainEvidence evidence) noexcept {
    RESUME_ASSERT(closed_);
    Result<> result{};
    if (outcome == Outcome::resumed) {
        reconnecting_ = true;
        result = reconnect(evidence);
        if (result.ok() && !bugs_.has(Bug::no_rewatch)) {
            result = register_watches_again(evidence);
        }
        reconnecting_ = false;
    }
    let_in();
    emit(machine_, id(), EventKind::store_opened, static_cast<uint32_t>(outcome));
    return result;
}

}  // namespace v0
}  // namespace resume
