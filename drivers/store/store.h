// The client of xenstore over the ring that the toolstack prepared. One thread (CPU 0's) uses it;
// the interrupt only wakes that thread. Requests are asynchronous; the helpers below wait and pump.
//
// The gate (L4): close() lets nobody in, waits until no request is in flight and no transaction of
// the kernel is open, and keeps everyone out; what is submitted meanwhile is held. open() after a
// resume takes the ring anew, registers every watch again before anyone may add one (L5), and lets
// the held ones in.
#pragma once

#include "drivers/store/request.h"
#include "drivers/store/ring.h"

namespace resume {
inline namespace v0 {

class Store final : public Device {
  public:
    using Transaction = StoreTransaction;
    using Watch = StoreWatch;

    Store(Machine& machine, EventChannels& events, Bugs bugs) noexcept;
    /// Users have cancelled their requests and let go of their watches before.
    ~Store();

    /// Boot, CPU 0: page and channel from the HVM parameters. unsupported when there is no store.
    Result<> boot(BootContext& boot) noexcept;
    /// Once after boot(), thread context, interrupts deliverable: XS_RESET_WATCHES where the
    /// toolstack offers it (leftovers of a kernel before this one).
    Result<> start() noexcept;

    // Asynchronous; thread context.
    /// Takes the request in; it is `held` while the gate is closed. Never full: the lists are of
    /// the users' own nodes. invalid when the payload is over the protocol's bound, malformed when
    /// the connection is broken.
    Result<> submit(StoreRequest& request) noexcept;
    /// The user goes away: at once, in any state; `completed` is not called.
    void cancel(StoreRequest& request) noexcept;
    /// Everything of a task that was killed: its requests are cancelled, its transactions aborted.
    void abandon(TaskId task) noexcept;
    /// Moves bytes, completes requests, then fires watches (only from the outermost call).
    void pump() noexcept;

    // Synchronous: each waits and pumps up to kWaitMs; thread context; busy when the gate is
    // closed, timed_out when the daemon does not answer. `transaction` 0 = none. Errors of the
    // daemon as store_error() says.
    /// Bytes of the value, cut at `capacity`; a terminating zero is put after it when there is
    /// room.
    Result<uint32_t> read(const char* path, char* value, uint32_t capacity,
                          uint32_t transaction = 0) noexcept;
    Result<> write(const char* path, const char* value, uint32_t size,
                   uint32_t transaction = 0) noexcept;
    Result<> remove(const char* path, uint32_t transaction = 0) noexcept;
    /// Names, each with its terminating zero.
    Result<uint32_t> directory(const char* path, char* names, uint32_t capacity,
                               uint32_t transaction = 0) noexcept;
    Result<> begin(StoreTransaction& transaction) noexcept;
    /// again when it is to be repeated whole. Closed in any case.
    Result<> end(StoreTransaction& transaction, bool commit) noexcept;
    /// exists when it is registered already.
    Result<> watch(StoreWatch& watch) noexcept;
    /// The same without waiting: it is registered from here on, its first event says that the
    /// daemon has it, and StoreWatch::refused that it would not. Errors: exists, invalid, and
    /// submit()'s.
    Result<> add_watch(StoreWatch& watch) noexcept;
    Result<> unwatch(StoreWatch& watch) noexcept;
    /// Lets go of it here alone, without asking the daemon; its events are strays then. For the end
    /// of a guest, dead or alive; harmless when it is not registered.
    void forget(StoreWatch& watch) noexcept;

    // The gate; thread context, CPU 0.
    /// timed_out when someone is still inside at `deadline`: open again then, as if never closed.
    Result<> close(Ticks deadline) noexcept;
    Result<> open(Outcome outcome, DomainEvidence evidence) noexcept;
    /// The same lock, for stopping tasks: none of them may be stopped inside (F1).
    Result<> lock_out(Ticks deadline) noexcept;
    void let_in() noexcept;

    [[nodiscard]] bool closed() const noexcept { return closed_; }
    /// Requests in flight and open transactions of the kernel.
    [[nodiscard]] uint32_t users() const noexcept;
    [[nodiscard]] bool inside(TaskId task) const noexcept;
    /// Counts what tears transactions.
    [[nodiscard]] uint32_t generation() const noexcept { return generation_; }
    /// The connection broke its protocol; every request fails with malformed until a restore.
    [[nodiscard]] bool broken() const noexcept { return broken_; }
    /// Replies to nobody: of cancelled requests, or never asked for.
    [[nodiscard]] uint64_t stray_replies() const noexcept { return stray_; }
    [[nodiscard]] const StoreRing& ring() const noexcept { return ring_; }

    static constexpr uint32_t kInFlight = 16;  ///< below the daemon's quota of 20
    static constexpr uint32_t kTransactions = 8;
    static constexpr uint32_t kWaitMs = 10'000;
    static constexpr TaskId kReaper = ~TaskId{0};  ///< the store itself

  private:
    using Requests =
        boost::intrusive::list<StoreRequest,
                               boost::intrusive::member_hook<
                                   StoreRequest, decltype(StoreRequest::hook), &StoreRequest::hook>,
                               boost::intrusive::constant_time_size<false>>;
    using Watches = boost::intrusive::list<
        StoreWatch,
        boost::intrusive::member_hook<StoreWatch, decltype(StoreWatch::hook), &StoreWatch::hook>,
        boost::intrusive::constant_time_size<false>>;
    /// One message under way; its user may be gone.
    struct Slot {
        uint32_t id = 0;  ///< 0: free
        uint32_t type = 0;
        StoreRequest* user = nullptr;
    };

    Result<> connect() noexcept;
    Result<> reconnect(DomainEvidence evidence) noexcept;
    Result<uint32_t> call(StoreRequest& request) noexcept;
    [[nodiscard]] Ticks wait_deadline() const noexcept;
    Result<uint32_t> query(uint32_t type, const char* path, char* reply, uint32_t capacity,
                           uint32_t transaction) noexcept;
    Result<> change(uint32_t type, const char* path, const char* value, uint32_t size,
                    uint32_t transaction) noexcept;
    Result<> wait_until_empty(Ticks deadline) noexcept;
    [[nodiscard]] bool may_enter(const StoreRequest& request) const noexcept;
    void finish(StoreRequest& request, Error error) noexcept;
    void cancel_all_of(Requests& requests, TaskId task) noexcept;

    bool stage_next() noexcept;
    void transmit() noexcept;
    void receive() noexcept;
    void take_message() noexcept;
    void take_reply(const StoreHead& head) noexcept;
    void take_event(const StoreHead& head) noexcept;
    void break_connection() noexcept;
    void drop_everything(Errc why) noexcept;
    [[nodiscard]] Slot* slot_of(uint32_t id) noexcept;

    Result<> register_watches_again(DomainEvidence evidence) noexcept;
    Result<> send_watch(StoreWatch& watch) noexcept;
    void let_go(StoreWatch& watch) noexcept;
    Result<> wait_for(StoreRequest& request, Ticks deadline) noexcept;
    static void on_watch_answered(void* watch, StoreRequest& request) noexcept;
    void end_registration(StoreWatch& watch, const Error& error) noexcept;
    [[nodiscard]] StoreWatch* watch_of(const StoreEvent& event) noexcept;
    void fire_watches() noexcept;

    Result<> end_at_daemon(const StoreTransaction& transaction, bool commit) noexcept;
    /// 0: a free place.
    [[nodiscard]] StoreTransaction* place_of(uint32_t id) noexcept;
    void forget_transaction(uint32_t id) noexcept;
    void abort_in_background(StoreTransaction& open) noexcept;
    void adopt_orphan(uint32_t type, uint32_t transaction) noexcept;
    static void on_event(void* self, uint32_t cpu) noexcept;
    static const DriverOps kOps;

    Machine& machine_;
    EventChannels& events_;
    Bugs bugs_;
    Channel channel_{};
    StoreRing ring_{};
    bool closed_ = false;
    bool reconnecting_ = false;
    bool broken_ = false;
    uint32_t depth_ = 0;
    uint32_t next_id_ = 1;
    uint32_t next_token_ = 1;
    uint32_t generation_ = 1;
    uint32_t oldest_known_ = 1;  ///< transactions from this generation on live at the daemon
    uint64_t stray_ = 0;
    Requests held_;
    Requests queue_;
    Watches watches_;
    Slot slots_[kInFlight];
    StoreTransaction open_[kTransactions];
    StoreRequest reapers_[kTransactions];
    uint32_t out_size_ = 0;
    uint32_t out_done_ = 0;
    uint32_t in_size_ = 0;
    char out_[kStoreMessageMax];
    char in_[kStoreMessageMax];
};

}  // namespace v0
}  // namespace resume
