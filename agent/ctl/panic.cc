// The core's panic hook in a program: a programmer's error of ours, said and ended.
#include <cstdio>
#include <cstdlib>

#include "libresume/assert.h"

namespace resume {
inline namespace v0 {

void panic(const char* what, const char* file, int line) noexcept {
    std::fprintf(stderr, "resumectl: own fault: %s at %s:%d\n", what, file, line);
    std::abort();
}

}  // namespace v0
}  // namespace resume
