// The guest of KVM's that mutants live in: as Victim, on the host of drivers/model/kvm.
#pragma once

#include <memory>

#include "drivers/kvm_guest/kvm_guest.h"
#include "drivers/model/kvm/host.h"
#include "tests/mutants/mutation.h"
#include "tests/mutants/virtio_citizens.h"

namespace resume::mutants {

/// Every way in which a cycle of it can go.
enum class KvmCycleKind : uint8_t {
    s3,
    s3_no_sleep,  ///< the firmware does not sleep: cancelled
    s2idle,
    image,         ///< restored on another host
    image_made,    ///< cannot be written: cancelled
    refused,       ///< a device refuses in suspend
    refused_late,  ///< a device refuses in suspend_noirq
    woken,         ///< a wake-up on the way down
};
inline constexpr uint8_t kKvmCycleKindCount = 8;

class KvmVictim final : public Living {
  public:
    static constexpr uint32_t kVcpus = 2;

    KvmVictim(KvmCycleKind kind, const StepTable& table);
    ~KvmVictim();
    KvmVictim(const KvmVictim&) = delete;
    KvmVictim& operator=(const KvmVictim&) = delete;

    /// The standard driver at `index`; null behind the last.
    Device* driver(size_t index) noexcept;

  private:
    struct alignas(4096) Areas {
        KvmVcpuArea of[kVcpus];
    };
    KvmGuestConfig config_of(const StepTable& table);
    bool boot() override;
    bool cycle() override;
    bool arm_timers(Nanoseconds delay) override;
    bool live() override;
    oracle::TraceView sights() override;
    bool check_timers();
    bool check_rest();
    bool check_virtio();
    void idle(Nanoseconds time);

    const KvmCycleKind kind_;
    Areas areas_{};
    alignas(64) KvmWallClock wall_{};

  public:
    Machine machine;

  private:
    Citizens citizens_;
    KvmGuest guest_;
    VirtioCitizens virtio_;
    IrqLine button_;
    uint32_t pressed_ = 0;
    uint32_t fired_[kVcpus] = {};
    uint32_t fired_before_[kVcpus] = {};
    Nanoseconds last_monotonic_ = 0;
};

Field kvm_field(Equivalents& equivalents);

}  // namespace resume::mutants
