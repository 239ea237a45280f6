#include "drivers/store/store.h"

// Uses fixed-width types without including them.
#include <xen/io/xs_wire.h>

namespace resume {
inline namespace v0 {

Result<> Store::begin(StoreTransaction& transaction) noexcept {
    RESUME_ASSERT(transaction.id == 0);
    StoreTransaction* place = place_of(0);
    if (place == nullptr) {
        return Errc::no_space;
    }
    char number[16] = {};
    StoreRequest request;
    request.type = XS_TRANSACTION_START;
    request.head = "";
    request.head_size = 1;
    request.task = transaction.task;
    request.reply = number;
    request.reply_capacity = sizeof(number);
    const Result<uint32_t> size = call(request);
    if (!size.ok()) {
        return size.error();
    }
    const Result<uint32_t> id =
        size.value() <= sizeof(number) ? parse_store_number(number, size.value()) : Errc::malformed;
    if (!id.ok() || id.value() == 0) {
        return Errc::malformed;
    }
    transaction.id = id.value();
    transaction.generation = generation_;
    *place = transaction;
    return {};
}

Result<> Store::end(StoreTransaction& transaction, bool commit) noexcept {
    if (transaction.id == 0) {
        return Errc::invalid;
    }
    const bool torn = transaction.generation != generation_ && !bugs_.has(Bug::torn_commit);
    const bool known = transaction.generation >= oldest_known_ || bugs_.has(Bug::torn_commit);
    Result<> ended{};
    if (known) {
        ended = end_at_daemon(transaction, commit && !torn);
    }
    forget_transaction(transaction.id);
    transaction.id = 0;
    if (torn) {
        return commit ? Result<>{Errc::again} : Result<>{};
    }
    if (!ended.ok() && ended.error().code == Errc::not_found) {
        return Errc::again;  // the daemon lost it: repeat it whole
    }
    return ended;
}

Result<> Store::end_at_daemon(const StoreTransaction& transaction, bool commit) noexcept {
    StoreRequest request;
    request.type = XS_TRANSACTION_END;
    request.transaction = transaction.id;
    request.task = transaction.task;
    request.head = commit ? "T" : "F";
    request.head_size = 2;
    const Result<uint32_t> done = call(request);
    return done.ok() ? Result<>{} : done.error();
}

StoreTransaction* Store::place_of(uint32_t id) noexcept {
    for (StoreTransaction& open : open_) {
        if (open.id == id) {
            return &open;
        }
    }
    return nullptr;
}

void Store::forget_transaction(uint32_t id) noexcept {
    if (StoreTransaction* open = place_of(id); open != nullptr && id != 0) {
        *open = StoreTransaction{};
    }
}

/// Nobody waits for this end any more; the reply frees the place.
void Store::abort_in_background(StoreTransaction& open) noexcept {
    StoreRequest& request = reapers_[&open - open_];
    if (request.state != StoreRequest::State::idle && request.state != StoreRequest::State::done) {
        return;  // under way already
    }
    request.type = XS_TRANSACTION_END;
    request.transaction = open.id;
    request.task = kReaper;
    request.head = "F";
    request.head_size = 2;
    request.argument = this;
    request.completed = [](void* self, StoreRequest& ended) noexcept {
        static_cast<Store*>(self)->forget_transaction(ended.transaction);
    };
    // Refused only when the connection is broken, and then nothing of it lives on.
    if (!submit(request).ok()) {
        open = StoreTransaction{};
    }
}

/// The user that asked for it is gone, the transaction is there: it must not stay open.
void Store::adopt_orphan(uint32_t type, uint32_t transaction) noexcept {
    if (type != XS_TRANSACTION_START || transaction == 0) {
        return;
    }
    if (StoreTransaction* place = place_of(0); place != nullptr) {
        *place = StoreTransaction{.owner = StoreTransaction::Owner::kernel,
                                  .id = transaction,
                                  .generation = generation_,
                                  .task = kReaper};
        abort_in_background(*place);
    }
}

void Store::abandon(TaskId task) noexcept {
    cancel_all_of(queue_, task);
    cancel_all_of(held_, task);
    for (Slot& slot : slots_) {
        if (slot.id != 0 && slot.user != nullptr && slot.user->task == task) {
            cancel(*slot.user);
        }
    }
    for (StoreTransaction& open : open_) {
        if (open.id != 0 && open.task == task) {
            abort_in_background(open);
        }
    }
}

void Store::cancel_all_of(Requests& requests, TaskId task) noexcept {
    for (auto next = requests.begin(); next != requests.end();) {
        StoreRequest& request = *next;
        ++next;
        if (request.task == task) {
            cancel(request);
        }
    }
}

}  // namespace v0
}  // namespace resume
