#include "libresume/terms.h"

#include "libresume/result.h"

namespace resume {
inline namespace v0 {
namespace {

template <class Enum, unsigned N>
const char* name_in(const char* const (&names)[N], Enum value) noexcept {
    const auto index = static_cast<unsigned>(value);
    return index < N ? names[index] : "?";
}

constexpr const char* kPhaseNames[] = {"none",           "prepare",       "suspend",
                                       "suspend_late",   "suspend_noirq", "syscore_suspend",
                                       "syscore_resume", "resume_noirq",  "resume_early",
                                       "resume",         "complete"};
constexpr const char* kStepNames[] = {"none",
                                      "prepare",
                                      "freeze_tasks",
                                      "suspend",
                                      "close_store",
                                      "suspend_late",
                                      "mask_device_irqs",
                                      "suspend_noirq",
                                      "park_vcpus",
                                      "disable_irqs",
                                      "syscore_suspend",
                                      "enter",
                                      "syscore_resume",
                                      "enable_irqs",
                                      "unpark_vcpus",
                                      "resume_noirq",
                                      "unmask_device_irqs",
                                      "resume_early",
                                      "open_store",
                                      "resume",
                                      "thaw_tasks",
                                      "complete"};
constexpr const char* kOutcomeNames[] = {"aborted", "cancelled", "resumed"};
constexpr const char* kEvidenceNames[] = {"unknown", "same", "fresh"};
constexpr const char* kRankNames[] = {
    "none",  "hypercall_page", "shared_info", "callback", "event_channels",
    "timer", "timekeeping",    "grant_table", "unplug",   "other"};
constexpr const char* kKindNames[] = {"xen-suspend", "s3",         "s2idle",
                                      "hibernate",   "pm-test",    "pause",
                                      "restore",     "clock-step", "snapshot"};
constexpr const char* kErrcNames[] = {
    "none",  "refused",   "timed_out",   "called_off", "busy",  "invalid",
    "cycle", "no_space",  "not_found",   "exists",     "again", "denied",
    "gone",  "malformed", "unsupported", "hypercall",  "io"};

static_assert(sizeof kPhaseNames / sizeof *kPhaseNames == kPhaseCount);
static_assert(sizeof kStepNames / sizeof *kStepNames == kStepCount);
static_assert(sizeof kOutcomeNames / sizeof *kOutcomeNames == kOutcomeCount);
static_assert(sizeof kKindNames / sizeof *kKindNames == kKindCount);

}  // namespace

const char* name_of(Phase phase) noexcept {
    return name_in(kPhaseNames, phase);
}
const char* name_of(Step step) noexcept {
    return name_in(kStepNames, step);
}
const char* name_of(Outcome outcome) noexcept {
    return name_in(kOutcomeNames, outcome);
}
const char* name_of(DomainEvidence evidence) noexcept {
    return name_in(kEvidenceNames, evidence);
}
const char* name_of(SystemRank rank) noexcept {
    return name_in(kRankNames, rank);
}
const char* name_of(Kind kind) noexcept {
    return name_in(kKindNames, kind);
}
const char* name_of(Errc code) noexcept {
    return name_in(kErrcNames, code);
}

}  // namespace v0
}  // namespace resume
