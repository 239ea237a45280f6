// The vocabulary of libresume: what every layer, the oracle and the reports mean by their words.
//
//   cycle    one request, from the first `prepare` to the last `complete`
//   phase    what a device hook sees
//   step     what the engine does: the phases, and freezing, gates, parking, the hypercall
//   outcome  how the cycle ended; three, never two (invariant L6)
#pragma once

#include <stdint.h>

namespace resume {
inline namespace v0 {

/// Guest-physical frame number, event channel port and domain id, as Xen numbers them.
using Gfn = uint64_t;
using Port = uint32_t;
using DomId = uint16_t;

/// Ticks of the platform's raw counter (machine.h: raw_counter). Converted to nanoseconds only
/// after the cycle: reading a converted clock before shared_info is back is itself failure 55.
using Ticks = uint64_t;
using Nanoseconds = uint64_t;

/// Index of a device in its tree; stable from registration to removal. 0 is no device.
using DeviceId = uint32_t;
inline constexpr DeviceId kNoDevice = 0;

/// What a device hook sees. The comment says what is still usable in the hook.
enum class Phase : uint8_t {
    none,
    prepare,        ///< thread; everything runs, tasks too; parents first; no new devices after it
    suspend,        ///< thread; tasks frozen; xenstore usable; children first
    suspend_late,   ///< thread; xenstore gate closed; children first
    suspend_noirq,  ///< device interrupts masked; nothing may wait; children first
    syscore_suspend,  ///< CPU interrupts off, other vCPUs parked; system devices only
    syscore_resume,   ///< the mirror of syscore_suspend, by rank; no clock until timekeeping is up
    resume_noirq,     ///< parents first, as all that follow but complete
    resume_early,
    resume,    ///< xenstore usable again
    complete,  ///< thread; tasks run again; children first
};
inline constexpr uint8_t kPhaseCount = 11;

/// What the engine does, in the order of a whole cycle. Each step before `enter` has its mirror
/// after it (step_table.h).
enum class Step : uint8_t {
    none,
    prepare,
    freeze_tasks,
    suspend,
    close_store,
    suspend_late,
    mask_device_irqs,
    suspend_noirq,
    park_vcpus,
    disable_irqs,
    syscore_suspend,
    enter,  ///< the hypercall (or what stands in its place); has no mirror
    syscore_resume,
    enable_irqs,
    unpark_vcpus,
    resume_noirq,
    unmask_device_irqs,
    resume_early,
    open_store,
    resume,
    thaw_tasks,
    complete,
};
inline constexpr uint8_t kStepCount = 22;

/// How a cycle ended. Which domain `resumed` woke in is found by evidence, never assumed: a slow
/// resume in place returns 0 in the old one (failure 52).
enum class Outcome : uint8_t {
    aborted,    ///< never left: something failed or was called off before the hypercall
    cancelled,  ///< the hypercall returned 1: same domain, nothing was lost
    resumed,    ///< the hypercall returned 0: as a rule every registration is gone
};
inline constexpr uint8_t kOutcomeCount = 3;

/// What the evidence says about the domain that a `resumed` cycle woke in.
enum class DomainEvidence : uint8_t { unknown, same, fresh };

/// Ranks of system devices: brought up in this order, taken down in the reverse (invariant L7),
/// wherever the device hangs in the tree.
enum class SystemRank : uint8_t {
    none,  ///< an ordinary device
    hypercall_page,
    shared_info,
    callback,
    event_channels,
    timer,
    timekeeping,
    grant_table,
    unplug,
    other,
};

/// What kind of suspend or interruption a record tells of; one enum everywhere (interfaces).
enum class Kind : uint8_t {
    xen_suspend,
    s3,
    s2idle,
    hibernate,
    pm_test,
    pause,
    restore,
    clock_step,
    snapshot,
};
inline constexpr uint8_t kKindCount = 9;

/// Names as they stand in reports and traces; never null ("?" for a value out of range).
const char* name_of(Phase phase) noexcept;
const char* name_of(Step step) noexcept;
const char* name_of(Outcome outcome) noexcept;
const char* name_of(DomainEvidence evidence) noexcept;
const char* name_of(SystemRank rank) noexcept;
const char* name_of(Kind kind) noexcept;

}  // namespace v0
}  // namespace resume
