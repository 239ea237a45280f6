// After boot the boot-only pages are gone: whoever still calls into them faults at that address, in
// the manner of a kernel that has given its __init memory back.
#include "libresume/platform/machine.h"
#include "tests/kernel/instructions.h"
#include "tests/kernel/machine_state.h"

extern "C" {
extern const uint8_t kernel_boot_begin[];
extern const uint8_t kernel_boot_end[];
extern volatile uint64_t kernel_pt[512];
}

namespace kernel {
namespace {

void flush(resume::Machine&, uint32_t, void*) noexcept {
    write_cr3(read_cr3());
}

}  // namespace

void drop_boot_pages(resume::Machine& machine) noexcept {
    const uint64_t end = reinterpret_cast<uintptr_t>(kernel_boot_end) >> 12;
    for (uint64_t page = reinterpret_cast<uintptr_t>(kernel_boot_begin) >> 12; page < end; ++page) {
        kernel_pt[page] = 0;
    }
    on_each_cpu(machine, flush, nullptr);
}

}  // namespace kernel
