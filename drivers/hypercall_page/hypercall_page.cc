#include "drivers/hypercall_page/hypercall_page.h"

#include <xen/arch-x86/cpuid.h>

#include "drivers/support/boot_code.h"
#include "drivers/support/limits.h"
#include "drivers/support/xen_result.h"

namespace resume {
inline namespace v0 {
namespace {

// Xen's leaves may stand behind those of another interface (docs: arch-x86/cpuid.h).
constexpr uint32_t kFirstBase = 0x40000000;
constexpr uint32_t kLastBase = 0x40010000;
constexpr uint32_t kBaseStep = 0x100;
constexpr uint32_t kPageLeaf = 2;
constexpr uint32_t kTimeLeaf = 3;
constexpr uint32_t kHvmLeaf = 4;

}  // namespace

constexpr DriverOps HypercallPage::kOps = {
    .driver = "hypercall_page",
    .rank = SystemRank::hypercall_page,
    .syscore_suspend = syscore_down<&HypercallPage::syscore_suspend>,
    .syscore_resume = syscore_up<&HypercallPage::syscore_resume>,
};

HypercallPage::HypercallPage(Machine& machine, Gfn page, Bugs bugs) noexcept
    : Device{kOps, "hypercall_page"}, machine_{machine}, page_{page}, bugs_{bugs} {}

RESUME_BOOT_CODE Result<> HypercallPage::boot(BootContext&) noexcept {
    for (uint32_t base = kFirstBase; base < kLastBase && base_ == 0; base += kBaseStep) {
        const CpuidLeaf leaf = read_cpuid(machine_, base, 0);
        const bool is_xen = leaf.ebx == XEN_CPUID_SIGNATURE_EBX &&
                            leaf.ecx == XEN_CPUID_SIGNATURE_ECX &&
                            leaf.edx == XEN_CPUID_SIGNATURE_EDX;
        if (is_xen && leaf.eax >= base + kPageLeaf) {
            base_ = base;
            has_hvm_leaf_ = leaf.eax >= base + kHvmLeaf;
        }
    }
    if (base_ == 0) {
        return Errc::unsupported;
    }
    hvm_features_ = has_hvm_leaf_ ? read_cpuid(machine_, base_ + kHvmLeaf, 0).eax : 0;
    install();
    return read_features();
}

void HypercallPage::install() noexcept {
    const uint32_t msr = read_cpuid(machine_, base_ + kPageLeaf, 0).ebx;
    write_msr(machine_, msr, page_ * kPageSize);
}

Result<> HypercallPage::read_features() noexcept {
    xen_feature_info info{};
    RESUME_TRY(xen_result(xen::xen_version(machine_, XENVER_get_features, info)));
    features_ = info.submap;
    return {};
}

bool HypercallPage::feature(uint32_t bit) const noexcept {
    return bit < 32 && (features_ >> bit & 1U) != 0;
}

HypercallPage::Identity HypercallPage::identity() const noexcept {
    if (base_ == 0 || !has_hvm_leaf_) {
        return {};
    }
    const CpuidLeaf hvm = read_cpuid(machine_, base_ + kHvmLeaf, 0);
    const bool says_domid = (hvm.eax & XEN_HVM_CPUID_DOMID_PRESENT) != 0;
    return {.incarnation = read_cpuid(machine_, base_ + kTimeLeaf, 0).edx,
            .domid = says_domid ? hvm.ecx : 0};
}

Result<> HypercallPage::syscore_suspend(SyscoreContext&) noexcept {
    return {};
}

Result<> HypercallPage::syscore_resume(SyscoreContext&, Outcome outcome) noexcept {
    if (outcome != Outcome::resumed) {
        return {};
    }
    if (!bugs_.has(Bug::no_hypercall_page)) {
        install();
    }
    return read_features();
}

}  // namespace v0
}  // namespace resume
