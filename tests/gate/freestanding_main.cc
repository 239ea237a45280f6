// The core and the drivers linked into a program without any library: no libc, no libstdc++, no
// start files. The platform is stubbed here; the program runs one cycle over a few devices and its
// exit status says whether it was right (0) or where it went wrong.
#include <stddef.h>

#include "libresume/engine.h"
#include "libresume/platform/kvm.h"
#include "libresume/platform/xen.h"

extern "C" {

void* memset(void* to, int byte, size_t size) {
    auto* out = static_cast<volatile unsigned char*>(to);
    for (size_t i = 0; i < size; ++i) {
        out[i] = static_cast<unsigned char>(byte);
    }
    return to;
}

void* memcpy(void* to, const void* from, size_t size) {
    auto* out = static_cast<volatile unsigned char*>(to);
    const auto* in = static_cast<const unsigned char*>(from);
    for (size_t i = 0; i < size; ++i) {
        out[i] = in[i];
    }
    return to;
}

void* memmove(void* to, const void* from, size_t size) {
    auto* out = static_cast<volatile unsigned char*>(to);
    const auto* in = static_cast<const unsigned char*>(from);
    const bool forward = out < in;
    for (size_t i = 0; i < size; ++i) {
        const size_t at = forward ? i : size - 1 - i;
        out[at] = in[at];
    }
    return to;
}

int memcmp(const void* left, const void* right, size_t size) {
    const auto* a = static_cast<const volatile unsigned char*>(left);
    const auto* b = static_cast<const volatile unsigned char*>(right);
    for (size_t i = 0; i < size; ++i) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

}  // extern "C"

namespace {

[[noreturn]] void exit_with(long status) noexcept {
    for (;;) {
        asm volatile("syscall" : : "a"(60L), "D"(status) : "rcx", "r11", "memory");
    }
}

constexpr long kPanicked = 100;

}  // namespace

namespace resume {
inline namespace v0 {

struct Machine {
    TraceEvent storage[256]{};
    Trace trace{storage, 256};
    Ticks now = 0;
};

void panic(const char*, const char*, int) noexcept {
    exit_with(kPanicked);
}
uint32_t cpu_count(const Machine&) noexcept {
    return 1;
}
uint32_t current_cpu(const Machine&) noexcept {
    return 0;
}
void on_each_cpu(Machine& machine, PerCpuFunction function, void* argument) noexcept {
    function(machine, 0, argument);
}
Result<> park_other_cpus(Machine&) noexcept {
    return {};
}
void unpark_other_cpus(Machine&) noexcept {}
void disable_irqs(Machine&) noexcept {}
void enable_irqs(Machine&) noexcept {}
void wait_for_interrupt(Machine& machine, Ticks deadline) noexcept {
    machine.now = deadline;
}
Ticks raw_counter(const Machine& machine) noexcept {
    return ++const_cast<Machine&>(machine).now;
}
uint64_t counter_hz(const Machine&) noexcept {
    return 1'000'000'000;
}
void* frame_address(Machine&, Gfn) noexcept {
    return nullptr;
}
Gfn frame_of(Machine&, const void*) noexcept {
    return 0;
}
CpuidLeaf read_cpuid(const Machine&, uint32_t, uint32_t) noexcept {
    return {};
}
void write_msr(Machine&, uint32_t, uint64_t) noexcept {}
uint32_t read_port(Machine&, uint16_t, uint8_t) noexcept {
    return ~0U;
}
void write_port(Machine&, uint16_t, uint32_t, uint8_t) noexcept {}
Result<uint8_t> allocate_irq_gate(Machine&, BootContext&, IrqHandler, void*) noexcept {
    return uint8_t{0x30};
}
void enable_local_apic(Machine&) noexcept {}
void apic_eoi(Machine&) noexcept {}
Result<uint64_t> read_msr(const Machine&, uint32_t) noexcept {
    return Errc::unsupported;
}
Ticks read_tsc(const Machine& machine) noexcept {
    return machine.now;
}
uint32_t read_mmio(const Machine&, uint64_t, uint8_t) noexcept {
    return ~0U;
}
void write_mmio(Machine&, uint64_t, uint32_t, uint8_t) noexcept {}
void set_cpu_hooks(Machine&, const CpuHooks&) noexcept {}
Waking sleep_s3(Machine&, const SleepRegisters&) noexcept {
    return Waking::at_once;
}
Result<Image> make_image(Machine&) noexcept {
    return Errc::unsupported;
}
Trace& trace_of(Machine& machine) noexcept {
    return machine.trace;
}
long hypercall(Machine&, unsigned, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t) noexcept {
    return -38;
}

}  // namespace v0
}  // namespace resume

namespace {

using namespace resume;

class Disk final : public Device {
  public:
    Disk() noexcept;
    int down = 0;
    int up = 0;

  private:
    Progress suspend(ThreadContext& context) noexcept {
        ++down;
        Completer completer = context.defer();
        completer.complete();
        return Progress::pending();
    }
    Progress resume(ThreadContext&, Outcome) noexcept {
        ++up;
        return Progress::done();
    }
    static const DriverOps kOps;
};

constexpr DriverOps Disk::kOps = {
    .driver = "disk", .suspend = thread_down<&Disk::suspend>, .resume = thread_up<&Disk::resume>};
Disk::Disk() noexcept : Device{kOps, "disk"} {}

long run() noexcept {
    Machine machine;
    Disk disks[3];
    DeviceLink link;
    EngineConfig config;
    config.guest.enter = [](void*) noexcept -> Result<Outcome> { return Outcome::resumed; };
    Engine engine{machine, config};
    if (!engine.add(disks[0], nullptr).ok() || !engine.add(disks[1], &disks[0]).ok() ||
        !engine.add(disks[2], nullptr).ok() || !engine.link(link, disks[0], disks[2]).ok()) {
        return 1;
    }
    const Result<CycleResult> result = engine.run({});
    if (!result.ok() || result.value().outcome != Outcome::resumed) {
        return 2;
    }
    for (const Disk& disk : disks) {
        if (disk.down != 1 || disk.up != 1) {
            return 3;
        }
    }
    return 0;
}

}  // namespace

extern "C" [[noreturn]] void freestanding_start() noexcept {
    exit_with(run());
}

// The kernel jumps here with a stack that is not aligned for a call.
asm(".globl _start\n_start:\n\txor %ebp, %ebp\n\tand $-16, %rsp\n\tcall freestanding_start\n");
