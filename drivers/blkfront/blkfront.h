// A disk: the frontend of <xen/io/blkif.h>. Each request completes exactly once, over any number of
// suspends, cancelled ones and aborted ones (L15).
//
// Replay, not drain. Before a suspend nothing new goes to the rings, and what is on them stays
// there. A cancelled or aborted suspend finds the rings as it left them: the answers that came
// meanwhile are taken, and life goes on; nothing was undone, so nothing is done again. After a real
// resume every request that was not completed goes to the new rings, whole and in the order of its
// acceptance. Draining (FreeBSD) would need no memory of what is under way, but it makes a guest
// with a slow disk refuse to leave the host that makes it slow, and it costs every suspend the time
// of the slowest request. Replaying is sound because a block request is idempotent (a read or write
// of the same sectors with the same data), because a user who needs an order between two requests
// waits for the first, and because the old backend is quiet before the new domain runs.
// A request is replayed whole, though some of its parts may have been answered: to remember halves
// is what made failure 18, and limits may be smaller now (L16, failure 20), so that the old parts
// would not fit anyway.
//
// Everything runs on CPU 0 in thread context; the interrupt only ends wait_for_interrupt(). Several
// queues spread requests over several rings of the backend's, not over our CPUs.
#pragma once

#include "drivers/blkfront/queue.h"
#include "drivers/block/ledger.h"
#include "drivers/xenbus/frontend.h"

namespace resume {
inline namespace v0 {

struct BlkfrontConfig {
    const char* name = "vbd";
    uint32_t handle = 51712;  ///< xvda; the name of its nodes
    /// One for each queue; borrowed for ever. The frontend asks for as many queues as there are.
    BlockQueueMemory* memory = nullptr;
    uint32_t queues = 1;
    bool persistent_grants = true;  ///< where the backend has them too
};

/// What the backend says of the disk; read again at each connect.
struct DiskInfo {
    uint32_t sectors = 0;  ///< of 512 bytes; a store number of 32 bits is enough for 2 TiB
    uint32_t sector_size = 0;
    uint32_t flags = 0;     ///< VDISK_*
    uint32_t segments = 0;  ///< in one request on the ring
    uint32_t queues = 0;
    bool persistent = false;
    bool flush = false;
};

class Blkfront final : public Frontend<Blkfront> {
  public:
    Blkfront(Machine& machine, EventChannels& events, GrantTable& grants, Store& store,
             const BlkfrontConfig& config, Bugs bugs) noexcept;
    ~Blkfront();

    // Thread context, CPU 0; interrupts deliverable.
    /// After it was added and the store is up: begins to connect. Requests may be handed in at
    /// once.
    void start() noexcept;
    /// The device goes: its backend is asked to let go, which may take Xenbus::kPatienceMs, and
    /// what is under way ends with `gone`. Not in mid-cycle.
    void stop() noexcept;
    /// Takes the request. invalid when it is not aligned or empty; gone when there is no disk.
    Result<> submit(BlockRequest& request) noexcept;
    /// Takes answers and sends what waits; to be called whenever the guest idles.
    void pump() noexcept;

    [[nodiscard]] const DiskInfo& info() const noexcept { return info_; }
    [[nodiscard]] bool idle() const noexcept { return ledger_.idle(); }
    [[nodiscard]] uint64_t replayed() const noexcept { return ledger_.replayed(); }
    /// Answers that could not be right, and grants that a backend kept.
    [[nodiscard]] uint64_t malformed() const noexcept;
    [[nodiscard]] uint64_t leaked_grants() const noexcept;

    static constexpr uint32_t kMaxQueues = 4;

  private:
    friend class Frontend<Blkfront>;

    void leave_rings(bool same_domain) noexcept;
    [[nodiscard]] bool reattach_rings() noexcept;
    void go_on() noexcept;

    void take_answers(BlockQueue& queue) noexcept;
    void push() noexcept;
    bool push_one(BlockRequest& request) noexcept;
    void rewind(bool same_domain) noexcept;
    void take_all_back(bool same_domain) noexcept;
    void close_queues() noexcept;
    void let_go() noexcept;
    [[nodiscard]] uint32_t under_way() const noexcept;

    void look(xenbus_state state) noexcept;
    void ask_features() noexcept;
    void publish() noexcept;
    Result<> open_queues() noexcept;
    void add_rings() noexcept;
    void learn() noexcept;
    void begin_use(const Error& error) noexcept;
    void lose(const Error& error) noexcept;
    static const DriverOps kOps;

    BlkfrontConfig config_;
    BlockQueue queues_[kMaxQueues];
    bool unasked_ = false;  ///< bug abort_as_restore: published to a backend that did not wait
    DiskInfo info_{};
    uint32_t offered_queues_ = 1;
    uint32_t offered_persistent_ = 0;
    uint32_t offered_segments_ = 0;
    uint32_t offered_flush_ = 0;
    uint32_t next_queue_ = 0;
    BlockLedger ledger_;
};

}  // namespace v0
}  // namespace resume
