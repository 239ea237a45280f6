// The guest's side of control/shutdown: the toolstack writes a word, the guest acks it by emptying
// the node and then does it. A template over the store, so that the same text runs over the
// drivers' ring client and over a fake.
//
//   - The ack is one transaction: start, read, compare with the words that are handled, write "",
//     end. Torn (again): the whole of it is repeated from the read, a bounded number of times.
//   - An empty or missing node is no request: the toolstack may have given up a moment before.
//   - A word that is not handled is left where it is.
//   - One request at a time; what comes meanwhile is left in the node and looked at afterwards.
//   - Features are announced only when the watch is registered, and again after every resume.
//
// Store must have (errors as resume::Result):
//   Result<uint32_t> read(const char* path, char* value, uint32_t capacity, uint32_t transaction);
//   Result<> write(const char* path, const char* value, uint32_t size, uint32_t transaction);
//   Result<> begin(StoreTransaction&); Result<> end(StoreTransaction&, bool commit);
//   Result<> watch(Watch&); Result<> unwatch(Watch&); void forget(Watch&); and types Transaction,
//   Watch as drivers/store/request.h has them.
// It is used by thread context only.
#pragma once

#include "libresume/platform/machine.h"
#include "xen/handshake/words.h"

namespace resume {
inline namespace v0 {

struct HandshakeConfig {
    /// Words that this guest carries out; others are left alone.
    ShutdownWords handled = ShutdownWords{}.with(ShutdownWord::suspend);
    /// Bug ack_only: acks and says that there is no request.
    bool ack_only = false;
    /// From the ack to the hypercall; below the host's 60 s.
    uint32_t budget_ms = 45'000;
    uint32_t attempts = 16;  ///< of an ack that was torn, or of a feature's write (EAGAIN)
};

/// A request that was acked and is now this guest's duty.
struct ShutdownRequest {
    ShutdownWord word = ShutdownWord::none;
    Ticks acked = 0;
    Ticks deadline = 0;  ///< the hypercall must be made before; else abort
};

template <class Store>
class Handshake {
  public:
    Handshake(Machine& machine, Store& store, const HandshakeConfig& config) noexcept
        : machine_{machine}, store_{store}, config_{config} {}

    /// Lets go of the watch here alone: stop() is the polite way.
    ~Handshake() { store_.forget(watch_); }
    Handshake(const Handshake&) = delete;
    Handshake& operator=(const Handshake&) = delete;

    /// Registers the watch, then announces the features. A feature that may not be written (denied)
    /// is no error: the toolstack asks a PVH guest all the same.
    Result<> start() noexcept;
    /// Takes the watch away again; before the handshake goes.
    Result<> stop() noexcept;

    /// Looks, when the watch fired or a request ended; `word` none: nothing to do. again: torn too
    /// often. On an error nothing was acked.
    Result<ShutdownRequest> poll() noexcept;

    /// Something may be there: the watch fired since the last poll().
    [[nodiscard]] bool fired() const noexcept { return fired_; }
    [[nodiscard]] bool busy() const noexcept { return busy_; }

    /// The request is over; after a resume the features are announced again, and a request that
    /// came meanwhile is found by the next poll().
    Result<> finished(Outcome outcome) noexcept;

  private:
    Result<> announce() noexcept;
    Result<ShutdownWord> ack_once() noexcept;
    void emit(EventKind kind, uint32_t a) noexcept;
    static void on_watch(void* self, const char* where) noexcept;

    Machine& machine_;
    Store& store_;
    HandshakeConfig config_;
    typename Store::Watch watch_{};
    bool fired_ = false;
    bool busy_ = false;
    bool announced_ = true;  ///< false: the features are still to be written, or some of them
};

}  // namespace v0
}  // namespace resume

#include "xen/handshake/handshake_impl.h"
