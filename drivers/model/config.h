// What a modelled machine is made of. Everything has a value that works; tests change what they
// are about.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "libresume/terms.h"

namespace resume::model {

enum class GuestKind : uint8_t { xen_hvm, xen_pvh, kvm };
const char* name_of(GuestKind kind) noexcept;

inline constexpr Nanoseconds kMicrosecond = 1'000;
inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;
inline constexpr Nanoseconds kNever = ~Nanoseconds{0};

/// A physical host: what a guest finds different after a migration.
struct HostConfig {
    Nanoseconds uptime = 1'000 * kSecond;  ///< at the start of the simulation
    uint64_t tsc_hz = 2'300'000'000;
    uint64_t tsc_start = 5'000'000'000'000;  ///< its TSC at the start of the simulation
    /// The guest's TSC goes on from the saved value (pvh-guest: measured); false: it jumps to the
    /// host's own, at the host's own rate.
    bool tsc_emulated = true;
    bool callback_vector = true;  ///< XENFEAT_hvm_callback_vector
    bool upcall_vector = true;    ///< HVMOP_set_evtchn_upcall_vector exists
    bool fifo = true;             ///< EVTCHNOP_init_control exists
    bool grant_v2 = true;
    /// A fresh domain's grants mean nothing until it has said which version it uses.
    bool grant_version_unset = false;
    uint32_t grant_frames = 64;
    /// The second registration of vcpu_info: -EINVAL on Xen 4.17, -EBUSY on newer (4.3.4).
    bool vcpu_info_busy = false;
    /// A periodic timer that fresh vCPUs tick with until the guest stops it (1.5.4); 0: none, as on
    /// Xen 4.17 for PVH.
    Nanoseconds vcpu_period = 0;
    int64_t wall_offset_ns = 0;  ///< error of the host's wall clock
    // A host of KVM's (kvm/host.h).
    /// Its monitor carries the guest's clock over and sets it before the vCPUs run; false: a guest
    /// that arrives finds one that says `uptime` (failure 28).
    bool clock_carried = true;
    bool clock_counts_away = false;  ///< the guest's clock goes on while the guest is stopped
    bool says_stopped = true;        ///< KVM_KVMCLOCK_CTRL after a stop (failure 27)
    bool firmware_sleeps = true;     ///< S3 is a sleep; false: the write of SLP_EN returns
    uint64_t virtio_features = ~uint64_t{0};  ///< what its devices offer, at most
    /// What a guest that arrives finds in its counters of stolen time; none: what it had.
    std::optional<uint64_t> steal_counter{};
};

/// Seconds since the epoch at the start of the simulation: 2026-01-01.
inline constexpr uint64_t kWallStart = 1'767'225'600;

struct MachineConfig {
    GuestKind guest = GuestKind::xen_pvh;
    uint32_t vcpus = 1;    ///< 1 .. 128
    uint32_t offline = 0;  ///< of them, the last ones: down until the guest starts them
    uint64_t seed = 1;     ///< of the latencies' jitter
    DomId domid = 7;       ///< the first; each new domain takes the next
    uint32_t trace_capacity = 1u << 16;
    std::vector<HostConfig> hosts = std::vector<HostConfig>(1);
    /// With gates for exceptions a fault in the guest is a crash with a word; without, a triple
    /// fault, which the hypervisor takes for a request to reboot (pvh-guest.md, f).
    bool exception_gates = true;
    Nanoseconds counter_read_cost = 20;  ///< what reading the TSC takes
    Nanoseconds hypercall_cost = 1 * kMicrosecond;
    /// Virtual time after which run() gives a guest up: it is alive, but not coming to an end.
    Nanoseconds patience = 3'600 * kSecond;
    /// Every wait ends at the latest after so many reads of the counter without anything else.
    uint64_t spin_limit = 2'000'000;
};

}  // namespace resume::model
