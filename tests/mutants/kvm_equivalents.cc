// What the guest of KVM's cannot tell.
#include "tests/mutants/equivalents.h"
#include "tests/mutants/kvm_victim.h"

namespace resume::mutants {
namespace {

constexpr uint32_t of(KvmCycleKind kind) {
    return 1U << static_cast<uint8_t>(kind);
}
constexpr uint32_t kS3 = of(KvmCycleKind::s3);
constexpr uint32_t kNoSleep = of(KvmCycleKind::s3_no_sleep);
constexpr uint32_t kS2idle = of(KvmCycleKind::s2idle);
constexpr uint32_t kImageMade = of(KvmCycleKind::image_made);
constexpr uint32_t kRefused = of(KvmCycleKind::refused);
constexpr uint32_t kRefusedLate = of(KvmCycleKind::refused_late);
constexpr uint32_t kWoken = of(KvmCycleKind::woken);
constexpr uint32_t kAll = (1U << kKvmCycleKindCount) - 1;

constexpr const char* kStatusSays =
    "over S3 the device was reset with the machine, and its status says so; over an image another "
    "kernel left it alive, and there it is missed";

constexpr EquivalentRow kRows[] = {
    {"empty_hook kvmclock.prepare", kAll, "it only reads the clock, for the record in the trace"},
    {"empty_hook kvmclock.complete", kAll, "it only reads the clock, for the record in the trace"},
    {"empty_hook steal_time.complete", kAll, "it only tells what was stolen, for the record"},
    {"empty_hook vmgenid.resume", kS3 | kS2idle,
     "over S3 and s2idle no generation changes here; over an image one does, and there it is "
     "missed"},
    {"invert_hook vmgenid.resume",
     kS3 | kNoSleep | kImageMade | kS2idle | kRefused | kRefusedLate | kWoken,
     "it looks once too often, or not, where no generation changes"},
    {"invert_hook kvmclock.syscore_resume", kNoSleep | kImageMade,
     "told that it resumed, it goes on where it stood a moment ago, and reads the wall clock"},
    {"swallow_call 1263947008.", kS3,
     "KVM's clock goes on over S3, so that the wall clock's old base is as right as the new"},
    {"invert_hook apic_timer.syscore_resume", kNoSleep | kImageMade,
     "told that it resumed, it looks whether its entry is still there, and arms what is armed"},
    {"swallow_call 2098.", kNoSleep | kImageMade,
     "CPU 1 only stood parked and still has its timer's entry"},
    {"lie_hook virtio_net.resume", kS2idle,
     "all that it writes in a thaw is that there are buffers again, and a device looks for one "
     "when a frame comes"},
    {"empty_hook virtio_blk.resume_early", kS3, kStatusSays},
    {"lie_hook virtio_blk.resume_early", kS3, kStatusSays},
    {"invert_hook virtio_blk.resume_early", kS3, kStatusSays},
    {"empty_hook virtio_net.resume_early", kS3, kStatusSays},
    {"lie_hook virtio_net.resume_early", kS3, kStatusSays},
    {"invert_hook virtio_net.resume_early", kS3, kStatusSays},
};

}  // namespace

std::span<const EquivalentRow> kvm_equivalents() {
    return kRows;
}

}  // namespace resume::mutants
