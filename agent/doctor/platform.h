// What this guest runs on, and how sure that is. Evidence: CPUID leaves (a hypervisor answers them
// itself), /sys/hypervisor, the ACPI-free PVH boot. A Xen PV guest is seen in /sys only.
#pragma once

#include <stdint.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/doctor/root.h"

namespace resume::agent::doctor {

struct CpuidLeaf {
    uint32_t eax = 0;
    uint32_t ebx = 0;
    uint32_t ecx = 0;
    uint32_t edx = 0;
};

/// CPUID as a seam: leaf and sub-leaf to registers. An empty function: no CPUID (an image).
using Cpuid = std::function<CpuidLeaf(uint32_t leaf, uint32_t subleaf)>;

/// The CPU this runs on. Zeros on anything but x86.
Cpuid live_cpuid();

enum class Platform { unknown, bare, xen_hvm, xen_pvh, xen_pv, xen_dom0, kvm, other };

const char* name_of(Platform platform);
/// "xen-hvm", "xen-pvh", "xen-pv", "kvm" as typed on the command line; nothing for another word.
std::optional<Platform> platform_from(std::string_view word);
bool is_xen_guest(Platform platform);

struct PlatformFacts {
    Platform platform = Platform::unknown;
    bool sure = false;
    std::string evidence;
    uint32_t hypervisor_base = 0;  ///< first CPUID leaf of the hypervisor found; 0 for none
    std::string hypervisor;        ///< its signature, e.g. "XenVMMXenVMM"
};

PlatformFacts detect_platform(const Root& root, const Cpuid& cpuid);

}  // namespace resume::agent::doctor
