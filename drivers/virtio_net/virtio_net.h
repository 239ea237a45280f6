// A network interface: virtio-net (virtio 1.2, 5.1; <linux/virtio_net.h>), one pair of queues and
// the control queue, whole frames without offloads. Frames are dropped, not replayed, and the rings
// let go of before they go, as a Xen interface does (drivers/netfront says why).
//
// The network is told where the guest is now (L20) in two cases: the device was brought up anew,
// and the device asks for it (VIRTIO_NET_S_ANNOUNCE), which it does after a migration, of which
// nobody else tells the guest anything. That it was done is acked over the control queue, else the
// host keeps asking, or never asks again (failure 36).
//
// Everything runs on CPU 0 in thread context; the interrupt only ends wait_for_interrupt().
#pragma once

#include "drivers/net/link.h"
#include "drivers/virtio/device.h"
#include "drivers/virtio/queue.h"
#include "libresume/platform/virtio_net.h"

namespace resume {
inline namespace v0 {

inline constexpr uint32_t kVirtioNetSend = 16;     ///< frames under way
inline constexpr uint32_t kVirtioNetReceive = 32;  ///< buffers that wait for frames

/// Memory of one interface; the embedder's, for ever.
struct VirtioNetMemory {
    VirtQueueMemory receive_queue;
    VirtQueueMemory send_queue;
    VirtQueueMemory control_queue;
    struct alignas(kPageSize / 2) Buffer {
        virtio_net_hdr_v1 head;
        char frame[kFrameMax];
    };
    Buffer receive[kVirtioNetReceive];
    Buffer send[kVirtioNetSend];
    struct alignas(8) {
        virtio_net_ctrl_hdr head;
        virtio_net_ctrl_ack answer;
    } control;
};

struct VirtioNetConfig {
    const char* name = "eth0";
    uint64_t base = 0;  ///< of its registers
    VirtioNetMemory* memory = nullptr;
    NetUser user{};
};

class VirtioNet final : public VirtioDevice<VirtioNet> {
  public:
    VirtioNet(Machine& machine, IrqLines& lines, const VirtioNetConfig& config, Bugs bugs) noexcept;

    // Thread context, CPU 0; interrupts deliverable.
    /// The device is reset. Not in mid-cycle.
    void stop() noexcept;
    /// Copies a frame, with its addresses and type, to the ring. invalid by its size, busy while
    /// the link is down, no_space when the ring is full, gone when there is no interface.
    Result<> send(const char* frame, uint32_t size) noexcept;
    /// Hands out what came; to be called whenever the guest idles.
    void pump() noexcept;

    [[nodiscard]] const uint8_t (&mac() const noexcept)[kMacSize] { return mac_; }
    [[nodiscard]] const NetCounters& counters() const noexcept { return counters_; }
    /// Answers that could not be right.
    [[nodiscard]] uint64_t malformed() const noexcept;

  private:
    friend class VirtioDevice<VirtioNet>;

    [[nodiscard]] uint64_t known() const noexcept;
    Result<> set_up() noexcept;
    void begin_use() noexcept;
    void leave_rings() noexcept;
    void go_on() noexcept;
    void end_use() noexcept;
    void configuration_changed() noexcept;

    void poll() noexcept;
    void take_sent() noexcept;
    void take_frames() noexcept;
    void take_answer() noexcept;
    void post(uint16_t buffer) noexcept;
    bool put(const char* frame, uint32_t size) noexcept;
    void announce() noexcept;
    bool ack() noexcept;
    static const DriverOps kOps;

    VirtioNetMemory& memory_;
    NetUser user_;
    VirtQueue receive_;
    VirtQueue send_;
    VirtQueue control_;
    uint32_t sending_ = 0;  ///< bit mask of the send buffers under way
    bool link_up_ = false;
    bool moved_ = false;   ///< brought up anew and the network was not told yet
    bool asked_ = false;   ///< the device wants it told, and was not acked yet
    bool acking_ = false;  ///< the control queue has our ack
    uint64_t malformed_ = 0;
    uint8_t mac_[kMacSize] = {};
    NetCounters counters_{};
};

}  // namespace v0
}  // namespace resume
