// What a user of the store hands in: nodes of its own memory. The client copies what it sends and
// what it receives, so either side may go away at any time without leaving a hole: a cancelled
// request's reply is dropped when it comes (L18).
#pragma once

#include <boost/intrusive/list.hpp>

#include "drivers/store/wire.h"

namespace resume {
inline namespace v0 {

class Store;

/// A task of the embedder's; 0 = the thread that drives the suspend.
using TaskId = uint32_t;

class StoreRequest {
  public:
    StoreRequest() noexcept = default;
    StoreRequest(const StoreRequest&) = delete;
    StoreRequest& operator=(const StoreRequest&) = delete;
    /// Not while it is handed in: Store::cancel() first. Asserted.
    ~StoreRequest() { RESUME_ASSERT(state == State::idle || state == State::done); }

    enum class State : uint8_t { idle, held, queued, sent, done };

    // Filled by the user; borrowed until sent. The payload is `head` followed by `tail`.
    uint32_t type = 0;  ///< XS_*
    uint32_t transaction = 0;
    TaskId task = 0;
    const char* head = nullptr;
    uint32_t head_size = 0;  ///< with its terminating zero where the protocol wants one
    const char* tail = nullptr;
    uint32_t tail_size = 0;
    char* reply = nullptr;  ///< may be null; borrowed until done or cancelled
    uint32_t reply_capacity = 0;
    /// Thread context, from Store::pump(); the request is done and may be handed in again.
    void (*completed)(void* argument, StoreRequest& request) noexcept = nullptr;
    void* argument = nullptr;

    // Filled by the store.
    State state = State::idle;
    uint32_t id = 0;
    uint32_t reply_size = 0;  ///< of the whole reply; more than the capacity when it was cut
    Error error{};            ///< `gone` when the connection was lost in a resume
    boost::intrusive::list_member_hook<> hook{};
};

class StoreWatch {
  public:
    StoreWatch() noexcept = default;
    StoreWatch(const StoreWatch&) = delete;
    StoreWatch& operator=(const StoreWatch&) = delete;
    /// Not while registered; asserted.
    ~StoreWatch() { RESUME_ASSERT(!registered); }

    /// Thread context, from Store::pump(), and only for Store::add_watch(): the daemon would not
    /// have it. It is not registered any more.
    void (*refused)(void* argument, const Error& error) noexcept = nullptr;

    // Filled by the user; `path` is borrowed for as long as it is registered.
    const char* path = nullptr;
    /// Thread context, from Store::pump(). Fires once at registration, and again after every
    /// resume; may fire for nothing. Several events may come as one; `where` is then "".
    void (*fired)(void* argument, const char* where) noexcept = nullptr;
    void* argument = nullptr;

    // Filled by the store.
    static constexpr uint32_t kWhereMax = 128;
    bool registered = false;
    bool pending = false;
    char token[12] = {};
    char where[kWhereMax] = {};
    StoreRequest registration{};  ///< its WATCH, so that many can be under way at once
    Store* store = nullptr;
    boost::intrusive::list_member_hook<> hook{};
};

/// A transaction and whose it is. A kernel's own keeps the guest from going down (1.7.2); a task's
/// does not (failure 5) and ends in Errc::again if a resume tore it (L24).
struct StoreTransaction {
    enum class Owner : uint8_t { kernel, task };
    Owner owner = Owner::kernel;
    uint32_t id = 0;  ///< 0: not open
    uint32_t generation = 0;
    TaskId task = 0;
};

}  // namespace v0
}  // namespace resume
