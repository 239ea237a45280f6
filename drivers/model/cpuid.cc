// CPUID's hypervisor leaves and the MSR of the hypercall page.
#include <xen/arch-x86/cpuid.h>

#include "drivers/model/kvm/host.h"
#include "drivers/model/machine.h"

namespace resume {
namespace model {
namespace {

constexpr uint32_t kHypercallMsr = 0x40000000;
constexpr uint32_t kVersion = 4u << 16 | 17;
constexpr uint32_t kTscEmulated = 1;
constexpr uint32_t kUpcallVector = 1u << 6;

CpuidLeaf hvm_leaf(const Machine& m) {
    uint32_t flags =
        XEN_HVM_CPUID_IOMMU_MAPPINGS | XEN_HVM_CPUID_VCPU_ID_PRESENT | XEN_HVM_CPUID_DOMID_PRESENT;
    if (m.host().upcall_vector) {
        flags |= kUpcallVector;
    }
    return {flags, m.vcpus.current(), m.domain.id(), 0};
}

}  // namespace
}  // namespace model

inline namespace v0 {

CpuidLeaf read_cpuid(const Machine& machine, uint32_t leaf, uint32_t subleaf) noexcept {
    if (machine.kvm) {
        return machine.kvm->cpuid(leaf);
    }
    switch (leaf) {
        case XEN_CPUID_FIRST_LEAF:
            return {XEN_CPUID_LEAF(5), XEN_CPUID_SIGNATURE_EBX, XEN_CPUID_SIGNATURE_ECX,
                    XEN_CPUID_SIGNATURE_EDX};
        case XEN_CPUID_LEAF(1):
            return {model::kVersion, 0, 0, 0};
        case XEN_CPUID_LEAF(2):
            return {1, model::kHypercallMsr, 0, 0};
        case XEN_CPUID_LEAF(3):
            return subleaf == 0
                       ? CpuidLeaf{machine.host().tsc_emulated ? model::kTscEmulated : 0, 0,
                                   static_cast<uint32_t>(machine.timekeeping.hz() / 1000),
                                   machine.domain.incarnation()}
                       : CpuidLeaf{};
        case XEN_CPUID_LEAF(4):
            return model::hvm_leaf(machine);
        default:
            return {};
    }
}

void write_msr(Machine& machine, uint32_t msr, uint64_t value) noexcept {
    const model::HostSection host{machine};
    if (machine.kvm) {
        machine.kvm->write_msr(machine.vcpus.current(), msr, value);
        return;
    }
    if (msr == model::kHypercallMsr && (value & (model::kPageSize - 1)) == 0) {
        machine.shared_info.latch_width();
        machine.hypercall_page_set = true;
    }
    machine.sight(EventKind::note, msr, value);
}

}  // namespace v0
}  // namespace resume
