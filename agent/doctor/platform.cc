#include "agent/doctor/platform.h"

#include <array>
#include <cstring>
#include <utility>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace resume::agent::doctor {
namespace {

constexpr std::array<std::pair<Platform, const char*>, 8> kNames{{{Platform::unknown, "unknown"},
                                                                  {Platform::bare, "bare"},
                                                                  {Platform::xen_hvm, "xen-hvm"},
                                                                  {Platform::xen_pvh, "xen-pvh"},
                                                                  {Platform::xen_pv, "xen-pv"},
                                                                  {Platform::xen_dom0, "xen-dom0"},
                                                                  {Platform::kvm, "kvm"},
                                                                  {Platform::other, "other"}}};

constexpr uint32_t kHypervisorBit = 1U << 31;  // CPUID 1, ECX
constexpr uint32_t kFirstLeaf = 0x40000000;
constexpr uint32_t kLastLeaf = 0x40010000;
constexpr uint32_t kLeafStride = 0x100;

std::string signature_of(const CpuidLeaf& leaf) {
    std::array<char, 13> text{};
    std::memcpy(text.data(), &leaf.ebx, 4);
    std::memcpy(text.data() + 4, &leaf.ecx, 4);
    std::memcpy(text.data() + 8, &leaf.edx, 4);
    return text.data();
}

struct Hypervisor {
    uint32_t base = 0;
    std::string signature;
};

// A Viridian-enabled Xen or KVM shows Hyper-V's leaves first and its own 0x100 further on, so the
// whole range is looked through and Xen or KVM wins (Xen: arch-x86/cpuid.h).
Hypervisor find_hypervisor(const Cpuid& cpuid) {
    Hypervisor first;
    if (!cpuid || (cpuid(1, 0).ecx & kHypervisorBit) == 0) {
        return first;
    }
    for (uint32_t base = kFirstLeaf; base < kLastLeaf; base += kLeafStride) {
        const std::string signature = signature_of(cpuid(base, 0));
        if (signature == "XenVMMXenVMM" || signature == "KVMKVMKVM") {
            return {base, signature};
        }
        if (first.base == 0) {
            first = {base, signature};
        }
    }
    return first;
}

// /sys/hypervisor/guest_type is there since Linux 4.13; before it a PVH guest looks like an HVM
// one from here, and the answer is not sure.
void decide_xen(const Root& root, PlatformFacts& facts) {
    const std::string guest_type = root.line("/sys/hypervisor/guest_type");
    const std::string capabilities = root.line("/proc/xen/capabilities");
    facts.sure = true;
    if (capabilities.find("control_d") != std::string::npos) {
        facts.platform = Platform::xen_dom0;
        facts.evidence = "/proc/xen/capabilities has control_d";
        return;
    }
    facts.evidence = "/sys/hypervisor/guest_type says " + guest_type;
    if (guest_type == "PV") {
        facts.platform = Platform::xen_pv;
    } else if (guest_type == "PVH") {
        facts.platform = Platform::xen_pvh;
    } else if (guest_type == "HVM") {
        facts.platform = Platform::xen_hvm;
    } else {
        facts.platform = facts.hypervisor_base != 0 ? Platform::xen_hvm : Platform::xen_pv;
        facts.sure = false;
        facts.evidence = "Xen, but this kernel has no /sys/hypervisor/guest_type";
    }
}

}  // namespace

Cpuid live_cpuid() {
#if defined(__x86_64__) || defined(__i386__)
    return [](uint32_t leaf, uint32_t subleaf) {
        CpuidLeaf out;
        __cpuid_count(leaf, subleaf, out.eax, out.ebx, out.ecx, out.edx);
        return out;
    };
#else
    return {};
#endif
}

const char* name_of(Platform platform) {
    for (const auto& [value, name] : kNames) {
        if (value == platform) {
            return name;
        }
    }
    return "?";
}

std::optional<Platform> platform_from(std::string_view word) {
    for (const auto& [value, name] : kNames) {
        if (word == name && (is_xen_guest(value) || value == Platform::kvm)) {
            return value;
        }
    }
    return std::nullopt;
}

bool is_xen_guest(Platform platform) {
    return platform == Platform::xen_hvm || platform == Platform::xen_pvh ||
           platform == Platform::xen_pv;
}

PlatformFacts detect_platform(const Root& root, const Cpuid& cpuid) {
    PlatformFacts facts;
    if (!root.is_live()) {
        facts.evidence = "an image does not say where it will run; use --platform";
        return facts;
    }
    const Hypervisor hypervisor = find_hypervisor(cpuid);
    facts.hypervisor_base = hypervisor.base;
    facts.hypervisor = hypervisor.signature;
    if (hypervisor.signature == "XenVMMXenVMM" || root.line("/sys/hypervisor/type") == "xen") {
        decide_xen(root, facts);
    } else if (hypervisor.signature == "KVMKVMKVM") {
        facts.platform = Platform::kvm;
        facts.sure = true;
        facts.evidence = "CPUID says KVMKVMKVM";
    } else if (hypervisor.base != 0) {
        facts.platform = Platform::other;
        facts.sure = true;
        facts.evidence = "CPUID says " + hypervisor.signature;
    } else if (cpuid) {
        facts.platform = Platform::bare;
        facts.sure = true;
        facts.evidence = "CPUID shows no hypervisor";
    } else {
        facts.evidence = "no CPUID on this machine and no /sys/hypervisor";
    }
    return facts;
}

}  // namespace resume::agent::doctor
