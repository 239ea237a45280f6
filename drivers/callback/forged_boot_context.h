// Bug gate_at_resume and nothing else: a BootContext at resume, forged on purpose to restore RHEL
// 8.8's panic. The lint counts who includes this file: drivers/callback alone.
#pragma once

#include "libresume/boot_context.h"

namespace resume {
inline namespace v0 {

/// Calls `allocate` with a context that claims that boot is not over.
template <class Allocate>
decltype(auto) with_forged_boot_context(Allocate&& allocate) noexcept {
    return BootContext::with(static_cast<Allocate&&>(allocate));
}

}  // namespace v0
}  // namespace resume
