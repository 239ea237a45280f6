// Fixed capacities of the drivers: no heap, so each has its bound in one place.
#pragma once

#include <stdint.h>

namespace resume {
inline namespace v0 {

/// What Xen gives an HVM or PVH guest at most (HVM_MAX_VCPUS, hvm_info_table.h).
inline constexpr uint32_t kMaxVcpus = 128;
inline constexpr uint32_t kPageSize = 4096;

}  // namespace v0
}  // namespace resume
