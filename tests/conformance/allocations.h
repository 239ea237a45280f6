// Counts what guest code allocates: nothing, if it is to run in a kernel.
#pragma once

#include <cstdint>

namespace resume::conformance {

/// Calls of operator new from guest code (not from the machine's) since the program began.
[[nodiscard]] uint64_t guest_allocations() noexcept;

}  // namespace resume::conformance
