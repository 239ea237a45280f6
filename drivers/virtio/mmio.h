// A virtio device's registers (virtio 1.2, 4.2 "Virtio Over MMIO", version 2; numbers from
// <linux/virtio_mmio.h>): what a microvm of QEMU's or Firecracker has. Any context.
#pragma once

#include <stdint.h>

#include "libresume/platform/kvm.h"

namespace resume {
inline namespace v0 {

class VirtioMmio {
  public:
    /// `base`: guest-physical, where the machine's description has it.
    VirtioMmio(Machine& machine, uint64_t base) noexcept : machine_{machine}, base_{base} {}

    /// Whether a device of that sort (VIRTIO_ID_*), of a version that we know, is there.
    [[nodiscard]] bool has(uint32_t sort) const noexcept;

    [[nodiscard]] uint8_t status() const noexcept;
    void set_status(uint8_t status) noexcept;

    [[nodiscard]] uint64_t offered() const noexcept;
    void take(uint64_t features) noexcept;

    /// Most entries that the queue may have; 0: there is no such queue.
    [[nodiscard]] uint32_t most_entries(uint32_t queue) noexcept;
    /// Where the parts of a queue are, guest-physical; the device uses it from here on.
    struct QueuePlaces {
        uint32_t entries = 0;
        uint64_t descriptors = 0;
        uint64_t available = 0;
        uint64_t used = 0;
    };
    void open_queue(uint32_t queue, const QueuePlaces& places) noexcept;
    void notify(uint32_t queue) noexcept;

    /// Why the device interrupted (VIRTIO_MMIO_INT_*); it may interrupt again after this.
    uint32_t take_interrupts() noexcept;

    /// A field of the device's own configuration, of 1, 2 or 4 bytes.
    [[nodiscard]] uint32_t config(uint32_t offset, uint8_t width) const noexcept;
    /// Another number than before: what was read of the configuration may be of two states.
    [[nodiscard]] uint32_t config_generation() const noexcept;

  private:
    [[nodiscard]] uint32_t read(uint32_t offset) const noexcept;
    void write(uint32_t offset, uint32_t value) noexcept;
    void write_wide(uint32_t offset, uint64_t value) noexcept;

    Machine& machine_;
    uint64_t base_;
};

}  // namespace v0
}  // namespace resume
