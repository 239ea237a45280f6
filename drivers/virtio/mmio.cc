#include "drivers/virtio/mmio.h"

#include <linux/virtio_mmio.h>

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kMagic = 0x74726976;  ///< "virt"
constexpr uint32_t kVersion = 2;         ///< of the registers: not the legacy ones

}  // namespace

uint32_t VirtioMmio::read(uint32_t offset) const noexcept {
    return read_mmio(machine_, base_ + offset, 4);
}

void VirtioMmio::write(uint32_t offset, uint32_t value) noexcept {
    write_mmio(machine_, base_ + offset, value, 4);
}

/// A low half with its high half behind it.
void VirtioMmio::write_wide(uint32_t offset, uint64_t value) noexcept {
    write(offset, static_cast<uint32_t>(value));
    write(offset + 4, static_cast<uint32_t>(value >> 32));
}

bool VirtioMmio::has(uint32_t sort) const noexcept {
    return read(VIRTIO_MMIO_MAGIC_VALUE) == kMagic && read(VIRTIO_MMIO_VERSION) == kVersion &&
           read(VIRTIO_MMIO_DEVICE_ID) == sort;
}

uint8_t VirtioMmio::status() const noexcept {
    return static_cast<uint8_t>(read(VIRTIO_MMIO_STATUS));
}

void VirtioMmio::set_status(uint8_t status) noexcept {
    write(VIRTIO_MMIO_STATUS, status);
}

uint64_t VirtioMmio::offered() const noexcept {
    uint64_t features = 0;
    for (uint32_t half = 0; half < 2; ++half) {
        write_mmio(machine_, base_ + VIRTIO_MMIO_DEVICE_FEATURES_SEL, half, 4);
        features |= uint64_t{read(VIRTIO_MMIO_DEVICE_FEATURES)} << (32 * half);
    }
    return features;
}

void VirtioMmio::take(uint64_t features) noexcept {
    for (uint32_t half = 0; half < 2; ++half) {
        write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
        write(VIRTIO_MMIO_DRIVER_FEATURES, static_cast<uint32_t>(features >> (32 * half)));
    }
}

uint32_t VirtioMmio::most_entries(uint32_t queue) noexcept {
    write(VIRTIO_MMIO_QUEUE_SEL, queue);
    return read(VIRTIO_MMIO_QUEUE_NUM_MAX);
}

void VirtioMmio::open_queue(uint32_t queue, const QueuePlaces& places) noexcept {
    write(VIRTIO_MMIO_QUEUE_SEL, queue);
    write(VIRTIO_MMIO_QUEUE_NUM, places.entries);
    write_wide(VIRTIO_MMIO_QUEUE_DESC_LOW, places.descriptors);
    write_wide(VIRTIO_MMIO_QUEUE_AVAIL_LOW, places.available);
    write_wide(VIRTIO_MMIO_QUEUE_USED_LOW, places.used);
    write(VIRTIO_MMIO_QUEUE_READY, 1);
}

void VirtioMmio::notify(uint32_t queue) noexcept {
    write(VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

uint32_t VirtioMmio::take_interrupts() noexcept {
    const uint32_t why = read(VIRTIO_MMIO_INTERRUPT_STATUS);
    if (why != 0) {
        write(VIRTIO_MMIO_INTERRUPT_ACK, why);
    }
    return why;
}

uint32_t VirtioMmio::config(uint32_t offset, uint8_t width) const noexcept {
    return read_mmio(machine_, base_ + VIRTIO_MMIO_CONFIG + offset, width);
}

uint32_t VirtioMmio::config_generation() const noexcept {
    return read(VIRTIO_MMIO_CONFIG_GENERATION);
}

}  // namespace v0
}  // namespace resume
