// What is unfinished in the store's ring, seen from outside the store client.
#pragma once

#include <stdint.h>

namespace kernel {

/// Bytes of requests that the daemon has not taken and of replies that the guest has not (L4).
/// Whole watch events do not count: nobody waits for them. `page` = its guest frame, 0 = none.
uint32_t unfinished_store_bytes(uint64_t page) noexcept;

}  // namespace kernel
