// For the test of check_boot_sections.py alone: code that stays and calls code that goes. Not in
// the kernel that runs.
#include "tests/kernel/machine_state.h"

extern "C" {
void planted_caller(const char* text) noexcept;
}

namespace {

KERNEL_BOOT_CODE void planted_boot_only(const char* text) noexcept {
    asm volatile("" : : "r"(text) : "memory");
}

}  // namespace

void planted_caller(const char* text) noexcept {
    planted_boot_only(text);
}
