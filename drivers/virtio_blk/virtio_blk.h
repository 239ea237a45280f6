// A disk: virtio-blk (virtio 1.2, 5.2; <linux/virtio_blk.h>), one queue. Each request completes
// exactly once, over any number of suspends (L15): as a Xen disk, it leaves its ring as it is
// before a suspend and replays what a lost ring had on it (drivers/blkfront says why), with the
// limits of the device that is there now.
//
// Everything runs on CPU 0 in thread context; the interrupt only ends wait_for_interrupt().
#pragma once

#include <linux/virtio_blk.h>

#include "drivers/block/ledger.h"
#include "drivers/virtio/device.h"
#include "drivers/virtio/queue.h"

namespace resume {
inline namespace v0 {

inline constexpr uint32_t kVirtioBlkSlots = 16;  ///< parts under way

/// Memory of one disk; the embedder's, for ever.
struct VirtioBlkMemory {
    VirtQueueMemory queue;
    struct alignas(32) Slot {
        virtio_blk_outhdr head;
        uint8_t status;
    } slots[kVirtioBlkSlots];
};

struct VirtioBlkConfig {
    const char* name = "vda";
    uint64_t base = 0;  ///< of its registers
    VirtioBlkMemory* memory = nullptr;
};

/// What the device says of the disk; read again whenever it is brought up.
struct VirtioBlkInfo {
    uint64_t sectors = 0;   ///< of 512 bytes
    uint32_t segments = 0;  ///< in one request on the ring
    bool flush = false;
};

class VirtioBlk final : public VirtioDevice<VirtioBlk> {
  public:
    VirtioBlk(Machine& machine, IrqLines& lines, const VirtioBlkConfig& config, Bugs bugs) noexcept;
    ~VirtioBlk();

    // Thread context, CPU 0; interrupts deliverable.
    /// The device is reset; what is under way ends with `gone`. Not in mid-cycle.
    void stop() noexcept;
    /// Takes the request. invalid when it is not aligned or empty; gone when there is no disk.
    Result<> submit(BlockRequest& request) noexcept;
    /// Takes answers and sends what waits; to be called whenever the guest idles.
    void pump() noexcept;

    [[nodiscard]] const VirtioBlkInfo& info() const noexcept { return info_; }
    [[nodiscard]] bool idle() const noexcept { return ledger_.idle(); }
    [[nodiscard]] uint64_t replayed() const noexcept { return ledger_.replayed(); }
    /// Answers that could not be right.
    [[nodiscard]] uint64_t malformed() const noexcept { return queue_.malformed(); }

  private:
    friend class VirtioDevice<VirtioBlk>;

    [[nodiscard]] uint64_t known() const noexcept;
    Result<> set_up() noexcept;
    void begin_use() noexcept;
    void leave_rings() noexcept;
    void go_on() noexcept;
    void end_use() noexcept;
    void configuration_changed() noexcept;

    [[nodiscard]] uint64_t read_capacity() const noexcept;
    void take_answers() noexcept;
    void push() noexcept;
    bool push_one(BlockRequest& request) noexcept;
    bool put(const BlockPart& part) noexcept;
    static const DriverOps kOps;

    VirtioBlkMemory& memory_;
    VirtioBlkInfo info_{};
    VirtQueue queue_;
    BlockPart parts_[kVirtioBlkSlots];  ///< without a request: the slot is free
    BlockLedger ledger_;
};

}  // namespace v0
}  // namespace resume
