// Counts what guest code allocates: nothing, if it is to run in a kernel.
#pragma once

#include <cstdint>

namespace resume::conformance {

/// Calls of operator new from guest code (not from the machine's) since the program began.
[[nodiscard]] uint64_t guest_allocations() noexcept;
/// From anybody's.
[[nodiscard]] uint64_t all_allocations() noexcept;
/// False under the thread sanitizer, whose runtime has the only operator new that it allows:
/// whoever asserts a count skips then.
[[nodiscard]] bool allocations_are_counted() noexcept;

}  // namespace resume::conformance
