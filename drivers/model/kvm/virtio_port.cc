#include "drivers/model/kvm/virtio_port.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include <atomic>
#include <cstring>

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

constexpr uint32_t kMagic = 0x74726976, kRegisters = 2, kVendor = 0x554d4551;
constexpr uint8_t kAlive = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
                           VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;
constexpr int32_t kMalformed = 3;  // io_refused

uint32_t half_of(uint64_t value, uint32_t half) {
    return half < 2 ? static_cast<uint32_t>(value >> (32 * half)) : 0;
}

void set_half(uint64_t& value, bool high, uint32_t half) {
    const uint64_t kept = high ? value & 0xffffffff : value & ~uint64_t{0xffffffff};
    value = kept | uint64_t{half} << (high ? 32 : 0);
}

template <class T>
T load(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <class T>
void store(std::byte* to, T value) {
    std::memcpy(to, &value, sizeof value);
}

}  // namespace

VirtioPort::VirtioPort(Machine& machine, const VirtioConfig& config, uint32_t sort)
    : machine_{machine}, config_{config}, sort_{sort} {}

bool VirtioPort::alive() const {
    return status_ == kAlive;
}

uint64_t VirtioPort::offered() const {
    return (features() & machine_.host().virtio_features) | uint64_t{1} << VIRTIO_F_VERSION_1;
}

std::byte* VirtioPort::at(uint64_t address) const {
    return machine_.memory.page(address / kPageSize) + address % kPageSize;
}

uint32_t VirtioPort::read(uint32_t offset, uint8_t width) const {
    if (offset >= VIRTIO_MMIO_CONFIG) {
        uint32_t value = 0;
        for (uint32_t i = 0; i < width; ++i) {
            value |= config_byte(offset - VIRTIO_MMIO_CONFIG + i) << (8 * i);
        }
        return value;
    }
    switch (offset) {
        case VIRTIO_MMIO_MAGIC_VALUE:
            return kMagic;
        case VIRTIO_MMIO_VERSION:
            return kRegisters;
        case VIRTIO_MMIO_DEVICE_ID:
            return sort_;
        case VIRTIO_MMIO_VENDOR_ID:
            return kVendor;
        case VIRTIO_MMIO_DEVICE_FEATURES:
            return half_of(offered(), offered_half_);
        case VIRTIO_MMIO_QUEUE_NUM_MAX:
            return selected_ < queue_count() ? most_entries() : 0;
        case VIRTIO_MMIO_QUEUE_READY:
            return selected_ < queues_.size() && queues_[selected_].ready ? 1 : 0;
        case VIRTIO_MMIO_INTERRUPT_STATUS:
            return interrupts_;
        case VIRTIO_MMIO_STATUS:
            return machine_.clock.now() < reset_until_ ? uint32_t{VIRTIO_CONFIG_S_NEEDS_RESET}
                                                       : status_;
        case VIRTIO_MMIO_CONFIG_GENERATION:
            return generation_;
        default:
            return 0;
    }
}

void VirtioPort::write(uint32_t offset, uint32_t value) {
    switch (offset) {
        case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
            offered_half_ = value;
            break;
        case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
            agreed_half_ = value;
            break;
        case VIRTIO_MMIO_DRIVER_FEATURES:
            if ((status_ & VIRTIO_CONFIG_S_FEATURES_OK) == 0) {
                set_half(agreed_, agreed_half_ == 1, value);
            }
            break;
        case VIRTIO_MMIO_QUEUE_SEL:
            selected_ = value;
            break;
        case VIRTIO_MMIO_QUEUE_NOTIFY:
            notified(value);
            break;
        case VIRTIO_MMIO_INTERRUPT_ACK:
            interrupts_ &= ~value;
            break;
        case VIRTIO_MMIO_STATUS:
            set_status(static_cast<uint8_t>(value));
            break;
        default:
            write_queue(offset, value);
            break;
    }
}

/// Of a queue that the device has already nothing may be changed (4.2.2.2): it takes no notice.
void VirtioPort::write_queue(uint32_t offset, uint32_t value) {
    if (selected_ >= queue_count() || queues_[selected_].ready) {
        return;
    }
    Queue& queue = queues_[selected_];
    switch (offset) {
        case VIRTIO_MMIO_QUEUE_NUM:
            queue.entries = value;
            break;
        case VIRTIO_MMIO_QUEUE_DESC_LOW:
        case VIRTIO_MMIO_QUEUE_DESC_HIGH:
            set_half(queue.descriptors, offset == VIRTIO_MMIO_QUEUE_DESC_HIGH, value);
            break;
        case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
        case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
            set_half(queue.available, offset == VIRTIO_MMIO_QUEUE_AVAIL_HIGH, value);
            break;
        case VIRTIO_MMIO_QUEUE_USED_LOW:
        case VIRTIO_MMIO_QUEUE_USED_HIGH:
            set_half(queue.used, offset == VIRTIO_MMIO_QUEUE_USED_HIGH, value);
            break;
        case VIRTIO_MMIO_QUEUE_READY:
            queue.ready = value == 1 && queue.entries != 0 && queue.entries <= most_entries();
            break;
        default:
            break;
    }
}

/// Features that it does not offer are not agreed on: the bit that says so does not stick (2.2.2).
void VirtioPort::set_status(uint8_t status) {
    machine_.sight(EventKind::device_status, config_.handle, status);
    if (status == 0) {
        reset();
        reset_until_ = machine_.clock.now() + config_.reset_time;
        return;
    }
    const auto newly = static_cast<uint8_t>(status & ~status_);
    if ((newly & VIRTIO_CONFIG_S_FEATURES_OK) != 0) {
        const bool good = (agreed_ & ~offered()) == 0;
        machine_.sight(EventKind::device_features, config_.handle, agreed_, good ? 0 : 1);
        if (!good) {
            status = static_cast<uint8_t>(status & ~VIRTIO_CONFIG_S_FEATURES_OK);
        }
    }
    status_ = status;
    if ((newly & VIRTIO_CONFIG_S_DRIVER_OK) != 0 && alive()) {
        machine_.sight(EventKind::backend_connected, config_.handle, sort_of_backend());
        for (uint32_t queue = 0; queue < queue_count(); ++queue) {
            notified(queue);
        }
    }
}

void VirtioPort::reset() {
    if (alive()) {
        machine_.sight(EventKind::backend_closed, config_.handle);
    }
    ++epoch_;
    forget();  // as was agreed when it was asked
    status_ = 0;
    agreed_ = 0;
    interrupts_ = 0;
    selected_ = ~uint32_t{0};  // what is selected after a reset is not said
    queues_ = {};
}

void VirtioPort::used_by_another() {
    reset();
    status_ = kAlive;
}

void VirtioPort::later(Nanoseconds delay, std::function<void()> act) {
    machine_.clock.after(delay + machine_.jitter(delay / 4),
                         [this, epoch = epoch_, act = std::move(act)] {
                             if (epoch == epoch_) {
                                 act();
                             }
                         });
}

void VirtioPort::notified(uint32_t queue) {
    if (alive()) {
        later(config_.latency, [this, queue] { look(queue); });
    }
}

void VirtioPort::look(uint32_t queue) {
    Chain chain;
    while (!keeps(queue) && next(queue, chain)) {
        take(queue, chain);
    }
}

bool VirtioPort::next(uint32_t index, Chain& chain) {
    if (index >= queue_count() || !queues_[index].ready || !alive()) {
        return false;
    }
    Queue& queue = queues_[index];
    const auto produced = load<uint16_t>(at(queue.available) + offsetof(vring_avail, idx));
    const auto waiting = static_cast<uint16_t>(produced - queue.next);
    if (waiting > queue.entries) {
        refuse(kMalformed);  // a broken device in virtio's words: it does nothing any more
        queue.ready = false;
        return false;
    }
    if (waiting == 0) {
        return false;
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    chain = {};
    chain.head = load<uint16_t>(at(queue.available) + offsetof(vring_avail, ring) +
                                queue.next % queue.entries * sizeof(uint16_t));
    ++queue.next;
    uint16_t index_of = chain.head;
    for (uint32_t i = 0; i < queue.entries && index_of < queue.entries; ++i) {
        const auto descriptor =
            load<vring_desc>(at(queue.descriptors) + index_of * sizeof(vring_desc));
        const bool writes = (descriptor.flags & VRING_DESC_F_WRITE) != 0;
        (writes ? chain.writes : chain.reads).push_back({at(descriptor.addr), descriptor.len});
        if ((descriptor.flags & VRING_DESC_F_NEXT) == 0) {
            return true;
        }
        index_of = descriptor.next;
    }
    refuse(kMalformed);
    return true;
}

void VirtioPort::answer(uint32_t index, uint16_t head, uint32_t written) {
    Queue& queue = queues_[index];
    std::byte* const element = at(queue.used) + offsetof(vring_used, ring) +
                               queue.given % queue.entries * sizeof(vring_used_elem);
    store(element, vring_used_elem{.id = head, .len = written});
    std::atomic_thread_fence(std::memory_order_release);
    ++queue.given;
    store(at(queue.used) + offsetof(vring_used, idx), queue.given);
    const auto flags = load<uint16_t>(at(queue.available) + offsetof(vring_avail, flags));
    if ((flags & VRING_AVAIL_F_NO_INTERRUPT) == 0) {
        interrupt(VIRTIO_MMIO_INT_VRING);
    }
}

/// The line is high for as long as there is something to ack; only its rise is an interrupt.
void VirtioPort::interrupt(uint32_t why) {
    const bool rises = interrupts_ == 0;
    interrupts_ |= why;
    if (rises && vector_ != 0) {
        machine_.vcpus.raise(0, vector_);
    }
}

void VirtioPort::refuse(int32_t reason) {
    machine_.sight(EventKind::io_refused, config_.handle, 0, reason);
}

}  // namespace resume::model
