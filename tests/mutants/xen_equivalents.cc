// What the guests of Xen's cannot tell.
#include "tests/mutants/equivalents.h"
#include "tests/mutants/victim.h"

namespace resume::mutants {
namespace {

constexpr uint32_t of(CycleKind kind) {
    return 1U << static_cast<uint8_t>(kind);
}
constexpr uint32_t kSlow = of(CycleKind::slow);
constexpr uint32_t kInPlace = of(CycleKind::in_place);
/// Returns 1: nothing was lost.
constexpr uint32_t kCancelled = of(CycleKind::checkpoint) | of(CycleKind::failed_migration);
/// Returns 0 and everything registered is gone.
constexpr uint32_t kFresh = kInPlace | of(CycleKind::restore) | of(CycleKind::migration);
constexpr uint32_t kResumed = kSlow | kFresh;
constexpr uint32_t kSameHost = kSlow | kInPlace | of(CycleKind::restore);
constexpr uint32_t kAll = (1U << kCycleKindCount) - 1;

constexpr const char* kClockLook =
    "timekeeping's prepare and complete only read the clock, for the record in the trace";
constexpr const char* kSameDomain =
    "after a slow resume in place nothing is gone: setting it again is a precaution for a return "
    "of "
    "0 that tells nothing of the domain (52)";
constexpr const char* kPage =
    "the hypercall page's contents are guest memory, which comes back with the guest; the width of "
    "shared_info, which the page's MSR latches too, is latched by the callback's parameter. That "
    "the "
    "page is needed is shown on real Xen (the kernel's bug no_hypercall_page)";
constexpr const char* kPeriodic =
    "this host starts no periodic timer that would have to be stopped; the one of a migration "
    "does, "
    "and there it is missed";
constexpr const char* kByEvidence =
    "told that it resumed, it asks for the evidence, which says that nothing moved, and leaves all "
    "as it is";

constexpr EquivalentRow kRows[] = {
    {"empty_hook timekeeping.prepare", kAll, kClockLook},
    {"empty_hook timekeeping.complete", kAll, kClockLook},
    {"empty_hook hypercall_page.syscore_resume", kResumed, kPage},
    {"lie_hook hypercall_page.syscore_resume", kResumed, kPage},
    {"invert_hook hypercall_page.syscore_resume", kResumed, kPage},
    {"invert_hook hypercall_page.syscore_resume", kCancelled,
     "in the same domain the page is written over with itself"},
    {"swallow_call 17.6(", kResumed,
     "the features are read again after a resume, and nothing is decided by them after boot"},

    {"empty_hook timer.syscore_resume", kSameHost, kPeriodic},
    {"lie_hook timer.syscore_resume", kSameHost, kPeriodic},
    {"invert_hook timer.syscore_resume", kSameHost | kCancelled, kPeriodic},
    {"swallow_call 24.7(", kSameHost, kPeriodic},

    {"swallow_call 20.8(", kFresh,
     "a new grant table has version 1 already, which is what is asked for"},
    {"empty_hook shared_info.syscore_suspend", kInPlace,
     "without its mark the domain is taken for a fresh one, which it is"},

    {"empty_hook callback.syscore_resume", kSlow, kSameDomain},
    {"lie_hook callback.syscore_resume", kSlow, kSameDomain},
    {"invert_hook callback.syscore_resume", kSlow, kSameDomain},
    {"swallow_call 34.0(", kSlow, kSameDomain},
    {"lie_hook timekeeping.syscore_resume", kSlow, kSameDomain},
    {"invert_hook timekeeping.syscore_resume", kSlow,
     "in the same domain on the same host no clock moved: there is no offset to compute"},
    {"empty_hook unplug.syscore_resume", kSlow | kInPlace,
     "the device model was not started anew and still knows what was unplugged"},
    {"invert_hook unplug.syscore_resume", kSlow | kInPlace,
     "the device model was not started anew and still knows what was unplugged"},

    {"swallow_call 32.9(", kCancelled | kSlow,
     "in the FIFO ABI the port is open all the same: what came behind the mask is brought by the "
     "next event, and until then the guest looks into its rings whenever it idles"},

    {"invert_hook console.syscore_resume", kCancelled,
     "told that it resumed, it reads the same page and the same channel again"},
    {"invert_hook shared_info.syscore_resume", kCancelled, kByEvidence},
    {"invert_hook timekeeping.syscore_resume", kCancelled, kByEvidence},
    {"lie_row syscore_suspend", kCancelled,
     "what the syscore hooks save on the way down is needed by a resume, and nothing was lost"},
};

}  // namespace

std::span<const EquivalentRow> xen_equivalents() {
    return kRows;
}

}  // namespace resume::mutants
