// Assertions stay on in every build: a programmer's error ends here, with the trace still readable.
#pragma once

namespace resume {
inline namespace v0 {

/// The panic hook, supplied by whoever links the core: print, dump the trace, stop. Any context,
/// interrupts in any state; must not return and must not use the store or the allocator.
[[noreturn]] void panic(const char* what, const char* file, int line) noexcept;

}  // namespace v0
}  // namespace resume

#define RESUME_ASSERT(condition) \
    ((condition) ? static_cast<void>(0) : ::resume::panic(#condition, __FILE__, __LINE__))
