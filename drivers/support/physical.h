// Where something is for whoever knows no page tables of ours.
#pragma once

#include "drivers/support/limits.h"
#include "libresume/platform/machine.h"

namespace resume {
inline namespace v0 {

/// The guest-physical address of something that lies within one page. Any context.
inline uint64_t physical_address(Machine& machine, const void* address) noexcept {
    return uint64_t{frame_of(machine, address)} * kPageSize +
           reinterpret_cast<uintptr_t>(address) % kPageSize;
}

}  // namespace v0
}  // namespace resume
