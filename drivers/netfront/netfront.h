// A network interface: the frontend of <xen/io/netif.h>, with copying receive and whole frames.
//
// Dropped, not replayed. What was under way when a domain ended is gone: whether the old backend
// sent it cannot be known, a network may lose frames and those who care send them again, and a
// frame that comes again after a pause of seconds, behind newer ones, helps nobody. So frames are
// counted, not kept: each one that send() took is `sent` or `lost`. A cancelled or aborted suspend
// loses none: the rings are as they were.
//
// The rings are let go of before they go (L17): the suspend hook detaches, and nothing is sent and
// nothing is looked into until new rings are there. Whoever comes back behind another backend says
// so to the network, once, before anything else is sent (L20): switches learn the new place from
// it. The frame is a RARP request, which needs nothing but the address that we have.
//
// Everything runs on CPU 0 in thread context; the interrupt only ends wait_for_interrupt().
#pragma once

#include "drivers/netfront/queue.h"
#include "drivers/xenbus/frontend.h"

namespace resume {
inline namespace v0 {

struct NetfrontConfig {
    const char* name = "vif";
    uint32_t handle = 0;  ///< the name of its nodes
    /// One for each queue; borrowed for ever. The frontend asks for as many queues as there are.
    NetQueueMemory* memory = nullptr;
    uint32_t queues = 1;
    NetUser user{};
};

class Netfront final : public Frontend<Netfront> {
  public:
    Netfront(Machine& machine, EventChannels& events, GrantTable& grants, Store& store,
             const NetfrontConfig& config, Bugs bugs) noexcept;
    ~Netfront();

    // Thread context, CPU 0; interrupts deliverable.
    /// After it was added and the store is up: begins to connect.
    void start() noexcept;
    /// The device goes: its backend is asked to let go, which may take Xenbus::kPatienceMs. Not in
    /// mid-cycle.
    void stop() noexcept;
    /// Copies a frame, with its addresses and type, to a ring. invalid by its size, busy while the
    /// link is down, no_space when the rings are full, gone when there is no interface.
    Result<> send(const char* frame, uint32_t size) noexcept;
    /// Hands out what came; to be called whenever the guest idles.
    void pump() noexcept;

    [[nodiscard]] const uint8_t (&mac() const noexcept)[kMacSize] { return mac_; }
    [[nodiscard]] uint32_t queues() const noexcept { return queue_count_; }
    [[nodiscard]] const NetCounters& counters() const noexcept { return counters_; }
    /// Answers that could not be right, and grants that a backend kept.
    [[nodiscard]] uint64_t malformed() const noexcept;
    [[nodiscard]] uint64_t leaked_grants() const noexcept;

    static constexpr uint32_t kMaxQueues = 4;

  private:
    friend class Frontend<Netfront>;

    void leave_rings(bool same_domain) noexcept;
    [[nodiscard]] bool reattach_rings() noexcept;
    void go_on() noexcept;

    void begin() noexcept;
    void poll() noexcept;
    void take_sent(NetQueue& queue) noexcept;
    void take_frames(NetQueue& queue) noexcept;
    bool put(const char* frame, uint32_t size) noexcept;
    void announce() noexcept;
    void close_queues(bool same_domain) noexcept;

    void look(xenbus_state state) noexcept;
    void ask_features() noexcept;
    void publish() noexcept;
    Result<> open_queues() noexcept;
    void add_rings() noexcept;
    void begin_use() noexcept;
    void let_go() noexcept;
    void lose(const Error& error) noexcept;
    static const DriverOps kOps;

    NetfrontConfig config_;
    NetQueue queues_[kMaxQueues];
    bool moved_ = false;  ///< connected anew and the network was not told yet
    uint32_t queue_count_ = 0;
    uint32_t offered_queues_ = 1;
    uint32_t next_queue_ = 0;
    uint8_t mac_[kMacSize] = {};
    char mac_text_[3 * kMacSize] = {};
    NetCounters counters_{};
};

}  // namespace v0
}  // namespace resume
