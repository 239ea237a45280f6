// What will happen in one life of a guest: everything is drawn before it begins, so that a life can
// be written down, cut smaller and lived again to the bit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "drivers/model/config.h"
#include "drivers/model/toolstack.h"
#include "drivers/xen_guest/xen_guest.h"
#include "tests/stress/campaign/device_tree.h"
#include "tests/stress/guest/part.h"

namespace resume::stress {

/// What may go wrong. Each is a row of faults.cc.
enum class FaultKind : uint8_t {
    device_refuses,        ///< a = device, b = phase
    device_drains_late,    ///< a = device, b = ms
    device_connects_late,  ///< a = device, b = ms
    device_never_ends,     ///< a = device
    task_refuses,          ///< a = task
    task_in_store,         ///< b = ms that the store takes for a read
    task_killed,           ///< b = as above; killed while it waits
    open_transaction,      ///< a user's, over the whole cycle
    call_off,              ///< a = device in whose hook it comes, b = phase
    second_suspend,        ///< a, b = as above: the guest asks for a cycle in mid-cycle
    asked_twice,           ///< b = ms after the first request: the host asks again
    device_removed,        ///< a, b = as above; c = the device that goes
    device_added,          ///< a, b = as above: one is registered in mid-cycle
    hypercall_fails,       ///< a = row of the table of calls, b = calls let through, c = errno
    hypercall_slow,        ///< a = row of the table of calls, b = ms
    store_fails,           ///< a = row of the table of requests, b = let through: EAGAIN once
    store_slow,            ///< b = ms for every request
    vcpu_not_parked,       ///< a = vCPU
    backend_slow,          ///< b = ms a step
    backend_stays,         ///< the disk does not come along to the new domain
    backend_unplugged,     ///< b = ms after the request
    backend_other,         ///< a = queues, b = segments, c = 1 persistent: offered from now on
    backend_moved,         ///< a = domain that the backend is in from now on
    backend_keeps,         ///< a reset in place without new nodes
    watch_storm,           ///< a = events, b = ms between tens of them
    time_stolen,           ///< a = vCPU, b = ms
    host_gives_up,         ///< b = ms until it cancels a request that nobody acked
    interface_removed,     ///< the guest lets go of it while its backend is not there
    memory_wanted,         ///< a = pages that the host is to have, b = ms after the request
    vcpus_wanted,          ///< a = vCPUs that the guest is to have, b = ms after the request
    wakes_early,           ///< b = ms after the suspend began: the power button
    firmware_awake,        ///< S3 is entered and returns at once
    image_made,            ///< it cannot be written: the guest goes on
    image_refused,         ///< there is no memory for one
    moved_meanwhile,       ///< a = row of KvmWant from pause on, b = ms after the suspend began
    fewer_features,        ///< a = 1 with flush, b = segments: the disk's from its next reset on
    reseed_fails,          ///< the random number generator takes nothing
    host_gone,             ///< the toolstack never lets the guest run again
};
inline constexpr uint8_t kFaultKindCount = static_cast<uint8_t>(FaultKind::host_gone) + 1;

/// What a guest of KVM's does, or what its host does with it. A word of plans.
enum class KvmWant : uint8_t {
    s3,
    s2idle,
    hibernate,
    pause,  ///< from here on: the guest is not asked
    migrate,
    migrate_fails,
    snapshot,
    clone,
};
inline constexpr uint8_t kKvmWantCount = static_cast<uint8_t>(KvmWant::clone) + 1;
const char* name_of(KvmWant want) noexcept;
/// The host does it, and the guest is not asked.
constexpr bool is_hosts(KvmWant want) noexcept {
    return want >= KvmWant::pause;
}

struct PlannedFault {
    FaultKind kind = FaultKind::device_refuses;
    uint32_t a = 0, b = 0, c = 0;
};

struct PlannedCycle {
    model::HostAct act = model::HostAct::checkpoint;  ///< of a guest on Xen
    KvmWant kvm = KvmWant::s3;                        ///< of one of KVM's
    bool load = false;      ///< the disk has requests under way when the guest goes down
    uint32_t awake_ms = 0;  ///< ordinary life before it
    std::vector<PlannedFault> faults{};
};

struct LifePlan {
    model::GuestKind guest = model::GuestKind::xen_hvm;
    uint32_t vcpus = 1;
    uint32_t spare_vcpus = 0;  ///< more that are offline at first
    bool vcpu_vector = false;
    uint64_t seed = 1;   ///< of the machine's jitter
    uint64_t order = 0;  ///< of ready devices; 0: by index
    uint32_t hosts = 1;  ///< that migrations go round
    uint32_t tick_ms = 0;
    uint32_t queues = 1;  ///< of the disk
    uint32_t segments = 0;
    bool persistent = false;
    bool network = false;  ///< an interface beside the disk
    bool balloon = false;
    bool fifo = false;         ///< event channels in the FIFO ABI, which not each host has
    bool reads_clock = false;  ///< a device stamps what it does in its first hook
    bool calls_cpus = false;   ///< a device needs the other vCPUs in its first hook
    bool exception_gates = true;
    Bugs bugs{};
    std::vector<OwnDevice> devices = standard_devices(model::GuestKind::xen_hvm);
    MakePart part = nullptr;               ///< the program's, so not in the text
    const StepTable* table = &kStepTable;  ///< as well
    SpoilDrivers spoil = nullptr;          ///< as well
    /// Which of the ready devices goes next, wherever there is a choice, in turn; after these the
    /// first. Empty: as `order` says.
    std::vector<uint32_t> choices{};
    std::vector<PlannedCycle> cycles{};
};

/// What lives are drawn from.
struct DrawOptions {
    model::GuestKind guest = model::GuestKind::xen_hvm;
    uint64_t seed = 1;
    uint64_t faults = ~uint64_t{0};  ///< a mask of FaultKind
    bool swarm = false;              ///< each life has its own subset of faults
    Bugs bugs{};
    MakePart part = nullptr;
    const StepTable* table = &kStepTable;
    SpoilDrivers spoil = nullptr;
    const char* program = "resume-stress";  ///< that has the part; for people
    std::optional<DeviceTree> tree{};       ///< else the standard devices, and all else is drawn
};
static_assert(kFaultKindCount <= 64);

inline constexpr uint32_t kLifeCycles = 32;

/// "xen-hvm", "xen-pvh", "kvm"; nothing for another name.
[[nodiscard]] std::optional<model::GuestKind> guest_named(const std::string& name);
/// What a cycle of that guest is about, by name.
[[nodiscard]] const char* want_of(const LifePlan& plan, const PlannedCycle& cycle);

[[nodiscard]] LifePlan draw_life(const DrawOptions& options, uint64_t life);

/// The plan's own devices and what the tree says of the guest; the rest stays as it is.
void apply(const DeviceTree& tree, LifePlan& plan);

/// Sets a plan's number or switch by its name in the text form. False when there is none of that
/// name or the value cannot be right.
[[nodiscard]] bool set_by_name(LifePlan& plan, const std::string& name, uint32_t value);

/// As text, and back; what is wrong with the text in `error`.
[[nodiscard]] std::string to_text(const LifePlan& plan);
[[nodiscard]] std::optional<LifePlan> plan_from(const std::string& text, std::string& error);

}  // namespace resume::stress
