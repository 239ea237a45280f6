// The panic hook of tests that need no machine: says why and ends the process.
#include <cstdio>
#include <cstdlib>

#include "libresume/assert.h"

namespace resume {
inline namespace v0 {

void panic(const char* what, const char* file, int line) noexcept {
    std::fprintf(stderr, "panic: %s at %s:%d\n", what, file, line);
    std::abort();
}

}  // namespace v0
}  // namespace resume
