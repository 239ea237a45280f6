// The trace: a fixed ring of small events that the engine, the drivers and whoever sits on the
// other side write, and the oracle judges. Overflow is remembered and makes a verdict inconclusive.
#pragma once

#include <stdint.h>

#include "libresume/terms.h"

namespace resume {
inline namespace v0 {

/// Who says so. Where the other side can see a thing, only its sighting counts for the oracle.
enum class Witness : uint8_t {
    engine,
    driver,
    other_side,  ///< the model's hypervisor, store or backend; a kernel's hypercall boundary
};

/// What Witness::other_side saw for itself in a trace; a mask. For what is listed, only its
/// sighting counts (libresume/oracle/EVENTS.md says which events that means).
enum class Sight : uint8_t {
    none = 0,
    platform = 1,    ///< CPU interrupts, parked vCPUs, device interrupts, frozen tasks
    hypercalls = 2,  ///< hypercalls and what they changed: mappings, parameters, ports, areas
    store = 4,       ///< messages on the store's ring, at the daemon's end
    all = 7,
};
[[nodiscard]] constexpr Sight operator|(Sight left, Sight right) noexcept {
    return static_cast<Sight>(static_cast<uint8_t>(left) | static_cast<uint8_t>(right));
}
[[nodiscard]] constexpr bool has(Sight mask, Sight wanted) noexcept {
    return (static_cast<uint8_t>(mask) & static_cast<uint8_t>(wanted)) ==
           static_cast<uint8_t>(wanted);
}

/// Kinds of events; the comment names the fields used: s = status, a = arg32, b = arg64.
/// Who writes which of them, and what the oracle makes of it: libresume/oracle/EVENTS.md.
/// Adding one means adding its name (trace.cc), its reader and its rule (oracle/).
enum class EventKind : uint8_t {
    none,
    cycle_begin,       ///< a = cycle number, b = generation; the trace's Kind in s
    cycle_end,         ///< s = Outcome
    device_added,      ///< device, a = parent id, b = SystemRank; precedes any other use of the id
    device_removed,    ///< device
    device_linked,     ///< device = consumer, a = supplier id
    step_begin,        ///< a = Step
    step_end,          ///< a = Step, s = Errc
    hook_begin,        ///< device, phase; a = Outcome on the way up
    hook_pending,      ///< device, phase: the hook will finish later
    hook_end,          ///< device, phase; s = Errc, b = detail of the error
    hook_skipped,      ///< device, phase; removed in mid-cycle
    completion_stray,  ///< device; a completion after its deadline, twice, or of an older cycle;
                       ///< a = how many of them
    hook_overrun,  ///< device, phase; a synchronous hook took longer than its deadline, b = ticks
    abort_requested,  ///< s = Errc; latched once (P12)
    outcome_known,    ///< s = Outcome; a = DomainEvidence when known later
    evidence,         ///< a = DomainEvidence, b = incarnation << 16 | domid
    irqs_disabled,    ///< on `cpu`
    irqs_enabled,     ///< on `cpu`
    cpu_parked,       ///< a = the parked cpu
    cpu_unparked,     ///< a = the released cpu
    device_irqs_masked,
    device_irqs_unmasked,
    store_closed,       ///< a = users still inside (0, or L4 is broken)
    store_opened,       ///< a = Outcome
    hypercall,          ///< a = number, b = sub-operation | first argument << 32; s = return value
    guest_at_shutdown,  ///< just before the suspend hypercall: a = mask of other vCPUs that could
                        ///< still run; b = open transactions << 32 | bytes of a message still in
                        ///< the store ring; device = tasks not stopped; s = 1 when the caller's
                        ///< interrupts were on
    memory_mapped,      ///< a = XENMAPSPACE, b = gfn; s = return value
    param_read,         ///< a = HVM param index, b = value
    param_written,      ///< a = HVM param index, b = value
    port_bound,         ///< a = port, b = virq/ipi kind << 32 | vcpu
    port_closed,        ///< a = port
    port_notified,      ///< a = port
    port_stale,         ///< a = port: a notify or event on a number that means nothing now
    upcall,             ///< event handled on `cpu`; a = port, device its owner when known
    eoi,                ///< local APIC end of interrupt on `cpu`
    vcpu_info_set,      ///< a = vcpu, b = gfn; s = return value
    area_registered,    ///< a = VCPUOP number, b = vcpu; s = return value
    timer_armed,        ///< a = vcpu, b = absolute ns of system time
    timer_fired,        ///< a = vcpu
    clock_read,         ///< b = ns; a = 0 monotonic, 1 wall, 2 raw system time
    clock_offset,       ///< b = new offset in ns (two's complement)
    runstate_folded,    ///< a = 1 accumulated, 0 dropped; b = stolen ns so far
    store_request,      ///< a = xs_wire type, b = tx id << 32 | req id
    store_reply,        ///< a = xs_wire type, b = tx id << 32 | req id; s = errno of an ERROR
    watch_event,        ///< b = hash of the token
    watch_added,        ///< b = hash of the token
    watch_removed,      ///< b = hash of the token
    ring_reset,         ///< a = 0 store, 1 console, 2 block, 3 net; device its driver
    request_seen,       ///< control/shutdown held a word; a = index in the handshake's table
    request_acked,      ///< a = as above
    request_ignored,    ///< a = reason (handshake.h)
    feature_written,    ///< a = 1 on, 0 off
    unplugged,          ///< a = mask written to the port
    io_port_read,       ///< a = port, b = value
    io_port_written,    ///< a = port, or address of a device's register (KVM), b = value
    gate_allocated,     ///< a = vector
    grant_made,         ///< a = reference
    boot_code_entered,  ///< boot-only code called; s = 1 when boot was over (L10)
    task_frozen,        ///< a = task id; s = 1 when it was inside the store
    task_thawed,        ///< a = task id
    fault_injected,     ///< a = index in the plan
    watch_dropped,      ///< b = hash of the token: let go of without a word to the daemon
    queue_detached,     ///< device: nobody reaches its rings from here on
    queue_attached,     ///< device: its rings may be used
    ring_used,          ///< device; a = queue: something was put on a ring, or one was looked into
    io_accepted,        ///< device; a = operation, b = serial number of the request
    io_completed,       ///< device; b = serial number; s = Errc: its user was told
    io_idle,            ///< device: by its driver's word nothing that it accepted is under way
    backend_connected,  ///< a = virtual device; b = 0 block, 1 net
    backend_closed,     ///< a = virtual device; b = 0 block, 1 net
    io_refused,         ///< a = virtual device; s = 1 beyond what was offered, 2 no such grant,
                        ///< 3 malformed: the backend would not carry out a request
    link_announced,     ///< a = virtual device: a frame that tells the network where the guest is
    pages_given,        ///< a = how many pages the host took, b = gfn of the first; s = how many it
                        ///< was asked to take that are no memory
    pages_fetched,      ///< a = how many it gave, b as above; s = in how many of them there was
                        ///< memory
    cpu_online,         ///< a = the vCPU that runs from here on, the others below it too
    cpu_offline,        ///< a = the last one, which runs no more
    msr_written,        ///< a = MSR, b = value; on `cpu`
    page_clobbered,     ///< a = MSR: the host wrote where a former life had registered a page
    generation_set,     ///< b = low half of the generation id that the host shows now
    generation_seen,    ///< a = 0 as before, 1 another; b = low half
    reseeded,           ///< b = low half of the generation id that it was for; s: it failed
    announce_asked,     ///< a = virtual device: the host wants the link announced
    announce_acked,     ///< a = virtual device
    device_status,      ///< a = virtual device, b = virtio status, as written by its driver
    device_features,    ///< a = virtual device, b = features taken; s = 1: one is not offered
    note,               ///< device or 0; a, b as the driver likes
};
inline constexpr uint8_t kEventKindCount = static_cast<uint8_t>(EventKind::note) + 1;

const char* name_of(EventKind kind) noexcept;
const char* name_of(Witness witness) noexcept;

/// One event: 32 bytes, trivially copyable.
struct TraceEvent {
    Ticks ticks = 0;
    uint64_t arg64 = 0;
    uint32_t arg32 = 0;
    int32_t status = 0;
    DeviceId device = kNoDevice;
    EventKind kind = EventKind::none;
    Phase phase = Phase::none;
    Witness witness = Witness::engine;
    uint8_t cpu = 0;
};
static_assert(sizeof(TraceEvent) == 32);

/// The ring. Storage belongs to the caller and outlives it. One writer at a time: in a kernel, the
/// writer has interrupts off or is the only CPU that runs; no lock is taken, so it may be written
/// from any context.
class Trace {
  public:
    /// `capacity` > 0, a power of two.
    Trace(TraceEvent* storage, uint32_t capacity) noexcept;

    void write(const TraceEvent& event) noexcept {
        storage_[written_ & mask_] = event;
        ++written_;
    }

    /// Events still readable, oldest first: at(0) .. at(size() - 1).
    [[nodiscard]] uint32_t size() const noexcept;
    [[nodiscard]] const TraceEvent& at(uint32_t index) const noexcept;
    /// Events overwritten since the last clear(): more than 0 makes a verdict inconclusive.
    [[nodiscard]] uint64_t lost() const noexcept;
    [[nodiscard]] uint64_t written() const noexcept { return written_; }
    void clear() noexcept {
        written_ = 0;
        ++clears_;
    }
    /// How often it was cleared: whoever wrote a table of names into it knows when to repeat it.
    [[nodiscard]] uint32_t clears() const noexcept { return clears_; }

  private:
    TraceEvent* storage_;
    uint64_t written_ = 0;
    uint64_t mask_;
    uint32_t clears_ = 0;
};

}  // namespace v0
}  // namespace resume
