// Xen's clock: a value that the hypervisor publishes under a version, scaled by the TSC. Pure; the
// reader is bounded, since a page that is not mapped reads all ones: an odd version for ever
// (failure 55).
#pragma once

#include "libresume/platform/xen.h"

namespace resume {
inline namespace v0 {

/// Nanoseconds of system time at counter value `tsc` (xen.h, vcpu_time_info).
Nanoseconds pvclock_scale(const vcpu_time_info& time, uint64_t tsc) noexcept;

/// Reads a consistent copy: even version, unchanged. timed_out after `tries`.
Result<vcpu_time_info> pvclock_snapshot(const vcpu_time_info& shared, uint32_t tries) noexcept;

inline constexpr uint32_t kPvclockTries = 100'000;

}  // namespace v0
}  // namespace resume
