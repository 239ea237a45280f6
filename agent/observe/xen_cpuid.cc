#include "agent/observe/xen_cpuid.h"

#include <cpuid.h>
#include <xen/arch-x86/cpuid.h>

namespace resume::agent {

namespace {

/// Xen's leaves start at a multiple of 0x100, behind another interface that may come first.
std::optional<uint32_t> find_base(const CpuidReader& cpuid) {
    constexpr uint32_t kStep = 0x100;
    constexpr uint32_t kTries = 32;
    for (uint32_t base = XEN_CPUID_FIRST_LEAF; base < XEN_CPUID_FIRST_LEAF + kTries * kStep;
         base += kStep) {
        const CpuidRegisters leaf = cpuid(base, 0);
        if (leaf.ebx == XEN_CPUID_SIGNATURE_EBX && leaf.ecx == XEN_CPUID_SIGNATURE_ECX &&
            leaf.edx == XEN_CPUID_SIGNATURE_EDX && leaf.eax >= base + 2) {
            return base;
        }
    }
    return std::nullopt;
}

}  // namespace

CpuidRegisters read_cpuid_here(uint32_t leaf, uint32_t subleaf) noexcept {
    CpuidRegisters r;
    __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
    return r;
}

std::optional<XenIdentity> read_xen_identity(const CpuidReader& cpuid) {
    const auto base = find_base(cpuid);
    if (!base) {
        return std::nullopt;
    }
    const uint32_t last = cpuid(*base, 0).eax;
    XenIdentity identity;
    if (last >= *base + 3) {
        identity.incarnation = cpuid(*base + 3, 0).edx;
    }
    if (last >= *base + 4) {
        const CpuidRegisters leaf = cpuid(*base + 4, 0);
        if ((leaf.eax & XEN_HVM_CPUID_DOMID_PRESENT) != 0) {
            identity.domid = leaf.ecx;
        }
    }
    return identity;
}

SourceState state_of(const std::optional<XenIdentity>& identity) {
    SourceState state{.name = "xen-cpuid", .available = identity.has_value()};
    if (!identity) {
        state.detail = "no Xen leaves in CPUID (not Xen, or a PV guest)";
    } else if (identity->domid) {
        state.detail = "domid " + std::to_string(*identity->domid);
    } else {
        state.detail = "this Xen does not tell the domid by CPUID";
    }
    return state;
}

}  // namespace resume::agent
