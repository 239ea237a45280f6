#include "drivers/xen_guest/bugs.h"

#include "drivers/support/text.h"
#include "libresume/assert.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr BugInfo kBugs[] = {
    {Bug::cancel_as_resume, "cancel-as-resume", "L6 F4", "FreeBSD-EN-17:05 no. 1"},
    {Bug::store_in_flight, "store-in-flight", "L4 F1", "FreeBSD-EN-17:05 no. 2"},
    {Bug::timer_after_devices, "timer-after-devices", "L7 F3", "FreeBSD-EN-17:05 no. 3"},
    {Bug::gate_at_resume, "gate-at-resume", "L10", "RHEL 8.8, kernel 4.18.0-466"},
    {Bug::wait_for_user_tx, "wait-for-user-tx", "L4", "Linux before d10e0cc113c9"},
    {Bug::no_unwind, "no-unwind", "P4 P5", "Linux 2.6.27 to f770c3d85868"},
    {Bug::ipi_masked, "ipi-masked", "L7", "Linux before 676dc3cf5bc3"},
    {Bug::runstate_twice, "runstate-twice", "L14", "Linux before 5e25f5db6abb"},
    {Bug::clock_offset_kept, "clock-offset-kept", "L13", "Linux before 867cefb4"},
    {Bug::clock_guard_kept, "clock-guard-kept", "L13", "Linux 2.6.2x, xen-devel 2008"},
    {Bug::lost_completion, "lost-completion", "P3", "Linux 6.16-rc"},
    {Bug::stale_console_port, "stale-console-port", "L11", "hvc_xen before its resume hook"},
    {Bug::notify_stale, "notify-stale", "L9 L11", "RHEL 2.6.32, notify_remote_via_irq"},
    {Bug::abort_as_restore, "abort-as-restore", "L6", "Linux 6.1, manage.c"},
    {Bug::resumed_is_new, "resumed-is-new", "L8", "Linux 6.1, slow resume in place"},
    {Bug::no_rewatch, "no-rewatch", "L5", "seen in a lab"},
    {Bug::clock_before_remap, "clock-before-remap", "L7 L13", "seen in a lab"},
    {Bug::no_hypercall_page, "no-hypercall-page", "L11 L22", "seen in a lab"},
    {Bug::hypercall_on_vcpu1, "hypercall-on-vcpu1", "L2", "seen in a lab"},
    {Bug::ack_only, "ack-only", "L3", "OpenBSD, pv/xen.c"},
    {Bug::torn_commit, "torn-commit", "L24", "Linux before the generation id"},
    {Bug::gate_at_resume_no_idt, "gate-at-resume-no-idt", "L10", "RHEL 8.8, kernel 4.18.0-466"},
    {Bug::split_completed_twice, "split-completed-twice", "L15", "xen-blkfront, split bios"},
    {Bug::first_queue_only, "first-queue-only", "L15", "xen-blkfront, multi-queue"},
    {Bug::limits_kept, "limits-kept", "L16", "xen-blkfront before 402b27f9"},
    {Bug::send_while_resuming, "send-while-resuming", "L17", "xen-netfront, transmit in resume"},
    {Bug::poll_on_cleared_ring, "poll-on-cleared-ring", "L17",
     "xen-netfront, poll after migration"},
    {Bug::remove_needs_queues, "remove-needs-queues", "L17", "XSA-465, CVE-2024-53240"},
    {Bug::not_announced, "not-announced", "L20", "cloud-hypervisor 8263, 8521"},
    {Bug::vcpus_beyond_32, "vcpus-beyond-32", "L8", "Linux before ee2139b099a0"},
    {Bug::grant_version_kept, "grant-version-kept", "L12", "Xen 1237659523, Linux grant-table.c"},
    {Bug::balloon_forgets, "balloon-forgets", "D2", "virtio-balloon, e562966dba"},
    {Bug::fifo_kept, "fifo-kept", "L11", "what evtchn_fifo_resume of Linux is for"},
    {Bug::hotplug_in_cycle, "hotplug-in-cycle", "P10", "kubevirt 13721, cubecos 1361"},
    {Bug::steal_taken_as_is, "steal-taken-as-is", "L14", "Launchpad 1494350", true},
    {Bug::stopped_flag_ignored, "stopped-flag-ignored", "watchdog", "firecracker 5494, 5322", true},
    {Bug::host_clock_trusted, "host-clock-trusted", "L13", "cloud-hypervisor 7932", true},
    {Bug::boot_rate_clock, "boot-rate-clock", "L13", "cloud-hypervisor 5786, 5787", true},
    {Bug::generation_ignored, "generation-ignored", "L21", "cloud-hypervisor 8907", true},
    {Bug::reseed_always, "reseed-always", "L21", "LXD 11449", true},
    {Bug::wall_not_read, "wall-not-read", "L22", "kubevirt 2842, esdc 365", true},
    {Bug::wakeup_asked_twice, "wakeup-asked-twice", "hung", "Linux, pm_wakeup_pending", true},
    {Bug::thaw_as_restore, "thaw-as-restore", "L6", "virtio-balloon, e562966dba", true},
    {Bug::announce_not_acked, "announce-not-acked", "L20", "cloud-hypervisor 8263", true},
    {Bug::kvm_areas_kept, "kvm-areas-kept", "K2", "Linux, kvmclock before 2026", true},
};
constexpr uint8_t kRows = sizeof(kBugs) / sizeof(kBugs[0]);
static_assert(kRows == kBugCount - 1, "each bug needs its row");

}  // namespace

const BugInfo& bug_info(uint8_t index) noexcept {
    RESUME_ASSERT(index < kRows);
    return kBugs[index];
}

Bug bug_named(const char* name) noexcept {
    for (const BugInfo& row : kBugs) {
        if (same_text(row.name, name)) {
            return row.bug;
        }
    }
    return Bug::none;
}

}  // namespace v0
}  // namespace resume
