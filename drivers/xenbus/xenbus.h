// One frontend's way to its other end: where that is, in which state it is, and the nodes between
// the two (xen/io/xenbus.h). Nothing here waits: every step is sent, and the answer, or the watch
// on the other end's state, brings the next. So a backend may take as long as it likes, on the very
// thread that delivers its watch events (F8, L23), and any number of frontends go through their
// steps side by side, one round trip a step for all of them.
//
// After a real resume the toolstack has written fresh nodes: another path, perhaps another domain.
// forget() drops what was known, connect() asks anew. After a cancelled or an aborted suspend
// neither is called: a state written then would make the backend let go of a ring in use.
//
// The toolstack may also take a device away and put another in its place at any time, while the
// guest is down or coming up: await_nodes() then watches our own nodes for where the other end is
// now. No ordinary cycle needs that watch, so it is there only when an end is missing.
#pragma once

#include <xen/io/xenbus.h>

#include "drivers/xenbus/batch.h"

namespace resume {
inline namespace v0 {

/// Who hears of it; thread context, from Store::pump().
struct XenbusListener {
    void* self = nullptr;
    /// The other end's state was read; XenbusStateUnknown when it has none (any more).
    void (*changed)(void* self, xenbus_state state) noexcept = nullptr;
    /// There is no other end: the toolstack took the device away, or the store failed.
    void (*lost)(void* self, const Error& error) noexcept = nullptr;
};

class Xenbus {
  public:
    /// `kind`: "vbd", "vif"; `handle`: the number of the virtual device. Both name its nodes:
    /// device/KIND/HANDLE.
    Xenbus(Store& store, const char* kind, uint32_t handle) noexcept;
    Xenbus(const Xenbus&) = delete;
    Xenbus& operator=(const Xenbus&) = delete;
    ~Xenbus() { forget(); }
    void listen(const XenbusListener& listener) noexcept { listener_ = listener; }

    // Thread context.
    /// Looks up the other end and watches it; changed() or lost() tells how it went.
    void connect() noexcept;
    /// In a new domain: everything that was known and under way, without a word to the daemon.
    void forget() noexcept;
    /// Asks the other end to let go of what it has of ours, and waits until it has, or is gone, at
    /// most kPatienceMs; false when it has not. Not from a listener's call, since it moves the
    /// store on.
    bool part(Machine& machine) noexcept;
    static constexpr uint32_t kPatienceMs = 2'000;
    /// The other end is missing: looks for one whenever our nodes are written, and listens to it;
    /// changed() tells. Harmless when it does so already.
    void await_nodes() noexcept;
    /// The other end's state is watched.
    [[nodiscard]] bool listens() const noexcept { return watch_.registered; }
    /// Reads the other end's state once more; changed() tells.
    void look() noexcept;
    /// The device goes: the watches are taken back where the store is open.
    void stop() noexcept;

    /// Requests of the frontend's own, while !busy(); what happens at the other end meanwhile is
    /// looked at when they are through.
    [[nodiscard]] StoreBatch& batch() noexcept { return batch_; }
    [[nodiscard]] bool busy() const noexcept { return batch_.busy(); }
    using Done = void (*)(void* self, const Error& error) noexcept;
    /// `state`, if it is one, is our own and announces the rest: said by itself when all of it is
    /// through, since a write that the daemon refuses does not keep it from the one behind.
    void send(Done done, xenbus_state state = XenbusStateUnknown) noexcept;
    [[nodiscard]] xenbus_state own_state() const noexcept { return own_; }
    /// A state of ours by itself; not said twice. lost() tells when it could not be.
    void say(xenbus_state state) noexcept;
    /// Answers a backend that does not wait for us, but still holds rings of a life that is over:
    /// it goes to Closed and begins anew when we do.
    void ask_to_let_go(xenbus_state other) noexcept;

    [[nodiscard]] const char* path() const noexcept { return path_; }
    [[nodiscard]] const char* other_path() const noexcept { return other_path_; }
    [[nodiscard]] DomId other_domain() const noexcept { return static_cast<DomId>(other_domain_); }
    [[nodiscard]] uint32_t handle() const noexcept { return handle_; }

  private:
    template <class Reached>
    bool wait_until(Machine& machine, Reached reached) noexcept;
    void take_back(StoreWatch& watch) noexcept;
    void find_again() noexcept;
    Result<> watch_other() noexcept;
    void lose(const Error& error) noexcept;
    void write_state(xenbus_state state) noexcept;
    void send_batch() noexcept;
    void after_batch() noexcept;
    static void on_watch(void* self, const char* where) noexcept;
    static void on_refused(void* self, const Error& error) noexcept;
    static void on_found(void* self, const Error& error) noexcept;
    static void on_found_again(void* self, const Error& error) noexcept;
    static void on_state(void* self, const Error& error) noexcept;
    static void on_sent(void* self, const Error& error) noexcept;

    Store& store_;
    XenbusListener listener_{};
    uint32_t handle_;
    char path_[48];
    char other_path_[StoreBatch::kPathMax] = {};
    char watched_[StoreBatch::kPathMax] = {};
    char home_[StoreBatch::kPathMax] = {};       ///< our node that names the other end
    char next_path_[StoreBatch::kPathMax] = {};  ///< what it names now
    uint32_t other_domain_ = 0;
    uint32_t next_domain_ = 0;
    uint32_t state_ = 0;
    xenbus_state own_ = XenbusStateInitialising;
    uint32_t told_ = 0;  ///< events of our own nodes since they are watched
    bool seen_ = false;  ///< the other end's state could be read
    bool look_again_ = false;
    bool find_again_ = false;
    Done sent_ = nullptr;
    xenbus_state announced_ = XenbusStateUnknown;  ///< when the batch is through
    StoreBatch batch_;
    StoreWatch watch_;
    StoreWatch home_watch_;
};

}  // namespace v0
}  // namespace resume
