#include "libresume/trace.h"

#include "libresume/assert.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr const char* kKindNames[] = {"none",
                                      "cycle_begin",
                                      "cycle_end",
                                      "device_added",
                                      "device_removed",
                                      "device_linked",
                                      "step_begin",
                                      "step_end",
                                      "hook_begin",
                                      "hook_pending",
                                      "hook_end",
                                      "hook_skipped",
                                      "completion_stray",
                                      "hook_overrun",
                                      "abort_requested",
                                      "outcome_known",
                                      "evidence",
                                      "irqs_disabled",
                                      "irqs_enabled",
                                      "cpu_parked",
                                      "cpu_unparked",
                                      "device_irqs_masked",
                                      "device_irqs_unmasked",
                                      "store_closed",
                                      "store_opened",
                                      "hypercall",
                                      "guest_at_shutdown",
                                      "memory_mapped",
                                      "param_read",
                                      "param_written",
                                      "port_bound",
                                      "port_closed",
                                      "port_notified",
                                      "port_stale",
                                      "upcall",
                                      "eoi",
                                      "vcpu_info_set",
                                      "area_registered",
                                      "timer_armed",
                                      "timer_fired",
                                      "clock_read",
                                      "clock_offset",
                                      "runstate_folded",
                                      "store_request",
                                      "store_reply",
                                      "watch_event",
                                      "watch_added",
                                      "watch_removed",
                                      "ring_reset",
                                      "request_seen",
                                      "request_acked",
                                      "request_ignored",
                                      "feature_written",
                                      "unplugged",
                                      "io_port_read",
                                      "io_port_written",
                                      "gate_allocated",
                                      "grant_made",
                                      "boot_code_entered",
                                      "task_frozen",
                                      "task_thawed",
                                      "fault_injected",
                                      "watch_dropped",
                                      "queue_detached",
                                      "queue_attached",
                                      "ring_used",
                                      "io_accepted",
                                      "io_completed",
                                      "io_idle",
                                      "backend_connected",
                                      "backend_closed",
                                      "io_refused",
                                      "link_announced",
                                      "pages_given",
                                      "pages_fetched",
                                      "cpu_online",
                                      "cpu_offline",
                                      "msr_written",
                                      "page_clobbered",
                                      "generation_set",
                                      "generation_seen",
                                      "reseeded",
                                      "announce_asked",
                                      "announce_acked",
                                      "device_status",
                                      "device_features",
                                      "note"};
static_assert(sizeof kKindNames / sizeof *kKindNames == kEventKindCount);
constexpr const char* kWitnessNames[] = {"engine", "driver", "other_side"};

}  // namespace

const char* name_of(EventKind kind) noexcept {
    const auto index = static_cast<uint8_t>(kind);
    return index < kEventKindCount ? kKindNames[index] : "?";
}

const char* name_of(Witness witness) noexcept {
    const auto index = static_cast<uint8_t>(witness);
    return index < sizeof kWitnessNames / sizeof *kWitnessNames ? kWitnessNames[index] : "?";
}

Trace::Trace(TraceEvent* storage, uint32_t capacity) noexcept
    : storage_{storage}, mask_{capacity - 1} {
    RESUME_ASSERT(storage != nullptr);
    RESUME_ASSERT(capacity > 0);
    RESUME_ASSERT((capacity & (capacity - 1)) == 0);
}

uint32_t Trace::size() const noexcept {
    return static_cast<uint32_t>(written_ <= mask_ ? written_ : mask_ + 1);
}

const TraceEvent& Trace::at(uint32_t index) const noexcept {
    RESUME_ASSERT(index < size());
    return storage_[(written_ - size() + index) & mask_];
}

uint64_t Trace::lost() const noexcept {
    return written_ <= mask_ + 1 ? 0 : written_ - (mask_ + 1);
}

}  // namespace v0
}  // namespace resume
