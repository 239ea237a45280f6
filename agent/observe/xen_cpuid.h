// Xen's own CPUID leaves, as an HVM or PVH guest's user space sees them (a PV guest's does not):
// which domain this is and how often it was moved, without asking the store.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "agent/observe/source.h"

namespace resume::agent {

struct CpuidRegisters {
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};
using CpuidReader = std::function<CpuidRegisters(uint32_t leaf, uint32_t subleaf)>;

/// The CPUID instruction.
CpuidRegisters read_cpuid_here(uint32_t leaf, uint32_t subleaf) noexcept;

struct XenIdentity {
    std::optional<uint32_t> domid{};        ///< leaf base+4, when Xen offers it
    std::optional<uint32_t> incarnation{};  ///< leaf base+3: how often the guest was moved
    bool operator==(const XenIdentity&) const = default;
};

/// nullopt when no leaf carries Xen's signature (<xen/arch-x86/cpuid.h>).
std::optional<XenIdentity> read_xen_identity(const CpuidReader& cpuid);

SourceState state_of(const std::optional<XenIdentity>& identity);

}  // namespace resume::agent
