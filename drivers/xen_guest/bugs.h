// Bugs that other guests shipped, each behind a switch that is off. A scenario turns one on to show
// what its report tells and that the oracle catches it; nothing else may. The names are the words
// of a kernel command line (bug=NAME).
#pragma once

#include <stdint.h>

namespace resume {
inline namespace v0 {

/// The number in brackets is the failure's row in the list of known failures (ARCHITECTURE.md).
enum class Bug : uint8_t {
    none,
    cancel_as_resume,       ///< [2] a cancelled suspend reinitialises everything (EN-17:05 no. 1)
    store_in_flight,        ///< [3] tasks are stopped inside the store (EN-17:05 no. 2)
    timer_after_devices,    ///< [4] the timer comes up after the devices (EN-17:05 no. 3)
    gate_at_resume,         ///< [1] the interrupt gate is allocated at resume (RHEL 8.8)
    wait_for_user_tx,       ///< [5] suspend waits for transactions of frozen tasks
    no_unwind,              ///< [7] a refused suspend leaves the others suspended
    ipi_masked,             ///< [9] IPIs stay masked until device interrupts come back
    runstate_twice,         ///< [10] stolen time is accumulated after a cancelled suspend too
    clock_offset_kept,      ///< [13] the clock's offset is not recomputed
    clock_guard_kept,       ///< [14] the monotonic guard keeps the old host's value
    lost_completion,        ///< [40] an abort forgets hooks that were not reached
    stale_console_port,     ///< [47] the console's channel is not read again
    notify_stale,           ///< [48] a notify on channel 0 is fatal
    abort_as_restore,       ///< [51, 53] a suspend that never left is told as restored
    resumed_is_new,         ///< [52] return value 0 is taken as proof of a new domain
    no_rewatch,             ///< [54] watches are not registered again
    clock_before_remap,     ///< [55] the clock is read before shared_info is mapped again
    no_hypercall_page,      ///< [56] the hypercall page's MSR is not written again
    hypercall_on_vcpu1,     ///< [57] the suspend hypercall is made on vCPU 1
    ack_only,               ///< [50] the request is acked and nothing is done
    torn_commit,            ///< [5] a transaction torn by the cycle is committed
    gate_at_resume_no_idt,  ///< [1] the same without exception gates (a kernel's)
    split_completed_twice,  ///< [18] the halves of a split request are ended one by one
    first_queue_only,       ///< [19] what was under way on the other queues is forgotten
    limits_kept,            ///< [20] a backend's limit outlives the backend
    send_while_resuming,    ///< [15] the interface is not detached before its rings go
    poll_on_cleared_ring,   ///< [16] a poll of before the suspend runs on rings that are gone
    remove_needs_queues,    ///< [17] the removal takes for granted what a resume has ended
    not_announced,          ///< [36] the network is not told where the guest is now
    vcpus_beyond_32,        ///< [12] vCPUs for which Xen has no place of its own are forgotten
    grant_version_kept,     ///< [22] the version of grants is taken for granted in a new domain
    balloon_forgets,        ///< [35] what is out of the balloon is taken for back after a suspend
    fifo_kept,              ///< [60] the FIFO ABI is taken for keep the old domain's heads
    hotplug_in_cycle,       ///< [43] a vCPU is added in the middle of a suspend
    // A guest of KVM's.
    steal_taken_as_is,     ///< [10, 11] a counter that began anew is believed
    stopped_flag_ignored,  ///< [27] the host's word that it had stopped the guest is not looked at
    host_clock_trusted,    ///< [28] a host clock that was set anew is followed
    boot_rate_clock,       ///< [29] time is the TSC at the rate of boot
    generation_ignored,    ///< [37] another generation is not looked for
    reseed_always,         ///< [37] every interruption is taken for another generation
    wall_not_read,         ///< [46] the wall clock stays behind by the time away
    wakeup_asked_twice,    ///< a wake-up that was looked at once is forgotten
    thaw_as_restore,       ///< [35] virtio: one callback for thaw and restore
    announce_not_acked,    ///< [36] virtio: the host is not told that the link was announced
    kvm_areas_kept,        ///< KVM goes on writing to its areas while the guest is an image
};
inline constexpr uint8_t kBugCount = static_cast<uint8_t>(Bug::kvm_areas_kept) + 1;

/// A set of bugs; empty by default.
class Bugs {
  public:
    constexpr Bugs() noexcept = default;
    constexpr Bugs(Bug bug) noexcept : mask_{bit(bug)} {}
    [[nodiscard]] constexpr bool has(Bug bug) const noexcept { return (mask_ & bit(bug)) != 0; }
    constexpr Bugs with(Bug bug) const noexcept { return Bugs{mask_ | bit(bug)}; }
    [[nodiscard]] constexpr bool empty() const noexcept { return mask_ == 0; }

  private:
    explicit constexpr Bugs(uint64_t mask) noexcept : mask_{mask} {}
    static constexpr uint64_t bit(Bug bug) noexcept {
        return bug == Bug::none ? 0 : uint64_t{1} << static_cast<uint8_t>(bug);
    }
    uint64_t mask_ = 0;
};
static_assert(kBugCount <= 64);

/// One row of the table of switches.
struct BugInfo {
    Bug bug;
    const char* name;       ///< the word after bug=
    const char* invariant;  ///< ids that are expected to catch it, separated by blanks
    const char* report;     ///< where it was seen
    bool of_kvm = false;    ///< a guest of KVM's can have it, and no guest of Xen's
};

/// `index` < kBugCount - 1; rows stand in the order of the enumeration, `none` left out.
const BugInfo& bug_info(uint8_t index) noexcept;
/// Bug::none for a name that is not in the table.
Bug bug_named(const char* name) noexcept;

}  // namespace v0
}  // namespace resume
