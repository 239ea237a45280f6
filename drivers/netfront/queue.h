// The two rings of one queue of a network device, and the buffers that stand on them. The layout is
// <xen/io/netif.h>'s. Frames are copied into and out of pages of the queue's own, which stay
// granted for as long as the backend has the rings: what the other side may reach never holds
// anything else. What it writes (producer index, ids, offsets, sizes) is checked at every use.
// Knows nothing of xenbus.
#pragma once

#include "drivers/event_channels/event_channels.h"
#include "drivers/grant_table/grant_table.h"
#include "drivers/net/link.h"
#include "drivers/support/ring.h"

#include <xen/io/netif.h>

namespace resume {
inline namespace v0 {

inline constexpr uint32_t kNetSendSlots = 16;     ///< frames under way, a queue
inline constexpr uint32_t kNetReceiveSlots = 32;  ///< buffers that wait for frames, a queue

struct alignas(kPageSize) NetPage {
    char bytes[kPageSize];
};

/// Memory of one queue; the embedder's, for ever.
struct NetQueueMemory {
    NetPage send_ring;
    NetPage receive_ring;
    NetPage send[kNetSendSlots];
    NetPage receive[kNetReceiveSlots];
};

class NetQueue {
  public:
    NetQueue(Machine& machine, EventChannels& events, GrantTable& grants) noexcept;

    /// Fresh rings, granted to `domain`, every receive buffer on its ring, and a channel that it
    /// may bind. no_space when no grant is left.
    Result<> open(NetQueueMemory& memory, DomId domain, DeviceId owner) noexcept;
    /// Everything is given back, in the domain that it was made in.
    void close() noexcept;
    /// In a new domain: nothing of the old one means anything.
    void forget() noexcept;
    /// After a resume in the same domain.
    Result<> reattach() noexcept { return events_.reattach(channel_); }

    /// Copies a frame of at most kFrameMax bytes onto the ring. False when there is no room.
    bool put(const char* frame, uint32_t size) noexcept;
    /// Shows the backend what was put, on either ring, and wakes it if it asked for that.
    void flush() noexcept;
    /// How the next frame that was sent ended; false when there is no answer.
    bool take_sent(bool& good) noexcept;
    /// The next frame that came; it lies in the ring's buffer until give_back() or take() again.
    struct Frame {
        const char* data = nullptr;
        uint32_t size = 0;
    };
    bool take(Frame& frame) noexcept;

    [[nodiscard]] bool is_open() const noexcept { return memory_ != nullptr; }
    [[nodiscard]] uint32_t under_way() const noexcept { return under_way_; }
    [[nodiscard]] uint32_t send_reference() const noexcept { return send_reference_; }
    [[nodiscard]] uint32_t receive_reference() const noexcept { return receive_reference_; }
    [[nodiscard]] Port port() const noexcept { return channel_.port; }
    /// Answers and frames that could not be right, and grants that the backend did not let go of.
    [[nodiscard]] uint64_t malformed() const noexcept { return malformed_; }
    [[nodiscard]] uint64_t leaked_grants() const noexcept { return leaked_; }

  private:
    Result<> grant_all(NetQueueMemory& memory, DomId domain) noexcept;
    Result<> grant(NetPage& page, DomId domain, bool readonly, uint32_t& reference) noexcept;
    void end_all() noexcept;
    void end(uint32_t& reference) noexcept;
    void post(uint32_t slot) noexcept;
    bool check(const netif_rx_response& response, Frame& frame) noexcept;

    Machine& machine_;
    EventChannels& events_;
    GrantTable& grants_;
    NetQueueMemory* memory_ = nullptr;
    uint32_t send_reference_ = 0;  ///< 0: not granted
    uint32_t receive_reference_ = 0;
    uint32_t under_way_ = 0;
    uint64_t malformed_ = 0;
    uint64_t leaked_ = 0;
    netif_tx_front_ring send_ring_{};
    netif_rx_front_ring receive_ring_{};
    Channel channel_{};
    uint32_t sending_ = 0;              ///< bit mask of the slots under way
    uint32_t posted_ = 0;               ///< bit mask of the buffers on the ring
    uint32_t lent_ = kNetReceiveSlots;  ///< the buffer of the frame that was taken last
    uint32_t send_page_[kNetSendSlots] = {};
    uint32_t receive_page_[kNetReceiveSlots] = {};
};

}  // namespace v0
}  // namespace resume
