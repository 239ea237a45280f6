// A virtio device's registers and queues, as its monitor has them (virtio 1.2: 4.2.2, 2.7). What it
// offers is what its kind has and its host knows; a device that runs keeps what was agreed on when
// its guest moves.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <vector>

#define VIRTIO_RING_NO_LEGACY
#include <linux/virtio_ring.h>

#include "drivers/model/config.h"
#include "drivers/model/fwd.h"

namespace resume::model {

struct VirtioConfig {
    uint32_t handle = 1;                      ///< names it in the trace; one each
    Nanoseconds latency = 50 * kMicrosecond;  ///< from a notification to a look at the queue
    Nanoseconds reset_time = 0;               ///< until the status reads 0 again
};

class VirtioPort {
  public:
    static constexpr uint64_t kFirstBase = 0xfeb00000;
    static constexpr uint64_t kSize = 0x200;

    VirtioPort(Machine& machine, const VirtioConfig& config, uint32_t sort);
    VirtioPort(const VirtioPort&) = delete;
    VirtioPort& operator=(const VirtioPort&) = delete;
    virtual ~VirtioPort() = default;

    /// Of its registers, guest-physical.
    [[nodiscard]] uint64_t base() const { return kFirstBase + config_.handle * kSize; }
    [[nodiscard]] bool has(uint64_t address) const {
        return address >= base() && address < base() + kSize;
    }
    /// Which vector of CPU 0 its interrupt is.
    void route(uint8_t vector) { vector_ = vector; }

    // The guest's side.
    [[nodiscard]] uint32_t read(uint32_t offset, uint8_t width) const;
    void write(uint32_t offset, uint32_t value);

    // The host's side.
    /// By the guest, or with the machine: queues and what was agreed on are forgotten.
    void reset();
    /// Another machine's, which the kernel that loaded the image had in use.
    void used_by_another();
    /// The guest runs elsewhere from here on, and was told nothing.
    virtual void arrived() {}

    [[nodiscard]] bool alive() const;
    [[nodiscard]] uint64_t agreed() const { return agreed_; }

  protected:
    /// A chain of the guest's: what the device reads, and what it writes.
    struct Piece {
        std::byte* data;
        uint32_t size;
    };
    struct Chain {
        uint16_t head = 0;
        std::vector<Piece> reads, writes;
    };

    [[nodiscard]] virtual uint64_t features() const = 0;
    [[nodiscard]] virtual uint32_t queue_count() const = 0;
    [[nodiscard]] virtual uint32_t most_entries() const { return 128; }
    [[nodiscard]] virtual uint32_t config_byte(uint32_t offset) const = 0;
    /// The guest made that one available.
    virtual void take(uint32_t queue, const Chain& chain) = 0;
    /// True when the device leaves it for later: a buffer that waits for a frame.
    [[nodiscard]] virtual bool keeps(uint32_t) const { return false; }
    virtual void forget() {}                                     ///< everything under way
    [[nodiscard]] virtual uint32_t sort_of_backend() const = 0;  ///< b of backend_connected

    /// The next chain of that queue; false when there is none.
    bool next(uint32_t queue, Chain& chain);
    void answer(uint32_t queue, uint16_t head, uint32_t written);
    void interrupt(uint32_t why);
    void refuse(int32_t reason);
    /// Runs `act` later, unless the device was reset by then.
    void later(Nanoseconds delay, std::function<void()> act);
    void configuration_changes() { ++generation_; }

    Machine& machine_;
    VirtioConfig config_;

  private:
    struct Queue {
        uint32_t entries = 0;
        bool ready = false;
        uint64_t descriptors = 0, available = 0, used = 0;
        uint16_t next = 0;  ///< chain to be taken
        uint16_t given = 0;
    };

    [[nodiscard]] uint64_t offered() const;
    [[nodiscard]] std::byte* at(uint64_t address) const;
    void set_status(uint8_t status);
    void write_queue(uint32_t offset, uint32_t value);
    void notified(uint32_t queue);
    void look(uint32_t queue);

    uint32_t sort_;
    uint8_t vector_ = 0;
    uint8_t status_ = 0;
    Nanoseconds reset_until_ = 0;
    uint32_t offered_half_ = 0, agreed_half_ = 0, selected_ = 0;
    uint64_t agreed_ = 0;
    uint32_t interrupts_ = 0;
    uint32_t generation_ = 0;
    uint32_t epoch_ = 0;
    std::array<Queue, 3> queues_{};
};

}  // namespace resume::model
