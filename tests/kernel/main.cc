// From the first C++ instruction to the running guest.
#include <new>

#include "libresume/platform/xen.h"

#include <xen/arch-x86/hvm/start_info.h>

#include "tests/kernel/guest.h"
#include "tests/kernel/instructions.h"
#include "tests/kernel/machine_state.h"
#include "tests/kernel/raw_console.h"

extern "C" [[noreturn]] void kernel_main(const hvm_start_info* info) noexcept;

namespace kernel {
namespace {

constexpr uint32_t kPage = 4096;

struct alignas(kPage) Pages {
    uint8_t hypercalls[kPage];
    uint8_t shared_info[kPage];
    uint8_t vcpu_areas[kPage];
    uint8_t grants[kPage];
    uint8_t fifo_blocks[kPage];
    uint8_t fifo_array[kPage];
};
constinit Pages g_pages{};
static_assert(KERNEL_MAX_CPUS <= resume::kVcpuAreasPerPage);
static_assert(KERNEL_MAX_CPUS <= resume::kFifoBlocksPerPage);

alignas(Guest) constinit uint8_t g_storage[sizeof(Guest)] = {};

KERNEL_BOOT_CODE const char* command_line_of(const hvm_start_info& info) noexcept {
    if (info.magic != XEN_HVM_START_MAGIC_VALUE || info.cmdline_paddr == 0) {
        return "";
    }
    return reinterpret_cast<const char*>(info.cmdline_paddr);
}

/// What only boot does; its code is gone afterwards.
KERNEL_BOOT_CODE Guest& boot(const hvm_start_info& info) noexcept {
    resume::Machine& machine = g_machine;
    start_trace();
    if (!start_platform(machine)) {
        print(Line{}.text("PANIC no Xen here"));
        for (;;) {
            idle();
        }
    }
    set_console(&raw_console_write);
    const CommandLine words = parse_command_line(command_line_of(info));
    build_gates(!words.bugs.has(resume::Bug::gate_at_resume_no_idt));
    load_gates();
    start_local_apic();
    start_cpus(machine);
    // The bug is the FIFO ABI's.
    const bool fifo = words.fifo || words.bugs.has(resume::Bug::fifo_kept);
    const resume::GuestPages pages{.hypercall_page = frame_of(machine, g_pages.hypercalls),
                                   .shared_info = frame_of(machine, g_pages.shared_info),
                                   .vcpu_areas = frame_of(machine, g_pages.vcpu_areas),
                                   .grant_table = frame_of(machine, g_pages.grants),
                                   .grant_frames = 1,
                                   .fifo = {.control = frame_of(machine, g_pages.fifo_blocks),
                                            .array = frame_of(machine, g_pages.fifo_array),
                                            .array_pages = fifo ? 1u : 0u}};
    auto* guest = new (g_storage) Guest{machine, words, pages};
    resume::BootContext::with([guest](resume::BootContext& context) { guest->boot(context); });
    return *guest;
}

/// Nothing of boot is needed from here on. Inlined into its caller it would be boot-only itself.
[[noreturn]] __attribute__((noinline)) void live(Guest& guest) noexcept {
    drop_boot_pages(g_machine);
    guest.start();
    guest.run();
}

}  // namespace
}  // namespace kernel

// Boot-only as its caller is: it never returns to code that is gone.
KERNEL_BOOT_CODE void kernel_main(const hvm_start_info* info) noexcept {
    kernel::live(kernel::boot(*info));
}
