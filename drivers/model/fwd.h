// The machine, named before it is defined.
#pragma once

namespace resume {
inline namespace v0 {
struct Machine;
}
}  // namespace resume
