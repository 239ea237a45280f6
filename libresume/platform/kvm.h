// The narrow waist, part 3: what a guest of KVM's needs of its machine beside machine.h. MSR
// numbers, feature bits and structures come from Linux's <asm/kvm_para.h> (Debian: linux-libc-dev),
// never retyped; their meaning is Documentation/virt/kvm/x86/msr.rst of Linux.
//
// On such a machine raw_counter() is not the TSC: S3 sets that to 1 (QEMU, x86_cpu_reset) and a
// migration may change its rate. It is a counter that stands still while the guest is stopped and
// else never jumps, as QEMU's ACPI timer is, widened. The TSC that KVM's clock speaks of is
// read_tsc().
//
// Whoever implements this is the other side's witness: msr_written, guest_at_shutdown, evidence.
//
//   function             | context             | may sleep
//   ---------------------+---------------------+----------
//   read_msr, read_tsc   | any                 | no
//   read_mmio, write_mmio| any                 | no
//   set_cpu_hooks        | thread              | no
//   sleep_s3, make_image | CPU 0, IRQs off     | no
#pragma once

#include <stdint.h>

#include <asm/kvm_para.h>

#include "libresume/platform/machine.h"

namespace resume {
inline namespace v0 {

/// RDMSR of the calling CPU; unsupported where it faults. Writing is machine.h's write_msr, which
/// sights msr_written when the write was carried out.
Result<uint64_t> read_msr(const Machine& machine, uint32_t msr) noexcept;

/// The calling CPU's TSC as it is now.
Ticks read_tsc(const Machine& machine) noexcept;

/// A device's register at a guest-physical address, uncached; `width` is 1, 2 or 4 bytes. Sights
/// io_port_written.
uint32_t read_mmio(const Machine& machine, uint64_t address, uint8_t width) noexcept;
void write_mmio(Machine& machine, uint64_t address, uint32_t value, uint8_t width) noexcept;

/// Run on every CPU but 0, its interrupts off: `down` is the last that it does before it stands
/// parked, `up` the first when it runs again, through a reset (S3) or not. What Linux's CPU
/// hot-plug callbacks are (kvm_cpu_down_prepare, kvm_cpu_online).
struct CpuHooks {
    PerCpuFunction down = nullptr;
    PerCpuFunction up = nullptr;
    void* argument = nullptr;
};
/// From now on by park_other_cpus and unpark_other_cpus.
void set_cpu_hooks(Machine& machine, const CpuHooks& hooks) noexcept;

/// Where ACPI's S3 is entered (FADT: PM1a_CNT_BLK; the package \_S3).
struct SleepRegisters {
    uint16_t pm1a_control = 0;  ///< I/O port
    uint8_t sleep_type = 0;     ///< SLP_TYPa
};
/// How the CPU came back from S3.
enum class Waking : uint8_t {
    at_once,    ///< the write returned: the firmware did not sleep, nothing was lost
    by_vector,  ///< through the firmware's waking vector: registers as after a reset
};
/// Saves the CPU, arms the waking vector, writes SLP_TYP and SLP_EN.
Waking sleep_s3(Machine& machine, const SleepRegisters& registers) noexcept;

/// Where the one call that makes a hibernation image returned: it does so twice (Linux:
/// swsusp_arch_suspend).
enum class Image : uint8_t {
    made,      ///< in the system that is to write it
    restored,  ///< in the image, loaded by another kernel
};
/// no_space and io when no image could be made.
Result<Image> make_image(Machine& machine) noexcept;

}  // namespace v0
}  // namespace resume
