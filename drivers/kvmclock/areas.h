// The memory that KVM writes into, as its MSRs are told: for each vCPU its clock (the structure is
// Xen's: Linux, arch/x86/include/asm/pvclock-abi.h, says that the two share it) and its stolen
// time, and one wall clock for all.
#pragma once

#include "libresume/platform/kvm.h"
#include "libresume/platform/xen.h"

namespace resume {
inline namespace v0 {

/// Set by the host when it stopped the guest (KVM_KVMCLOCK_CTRL), cleared by the guest;
/// pvclock-abi.h: PVCLOCK_GUEST_STOPPED.
inline constexpr uint8_t kGuestStopped = 2;

/// Each part 64 bytes, so that none crosses a page and stolen time is aligned as msr.rst wants it.
struct alignas(64) KvmVcpuArea {
    vcpu_time_info time;
    uint8_t rest[32];
    kvm_steal_time steal;
};
static_assert(sizeof(vcpu_time_info) == 32);
static_assert(sizeof(kvm_steal_time) == 64);
static_assert(sizeof(KvmVcpuArea) == 128);

/// pvclock-abi.h: pvclock_wall_clock. Real time at the moment when the clock showed 0.
struct alignas(64) KvmWallClock {
    uint32_t version;
    uint32_t seconds;
    uint32_t nanoseconds;
};

/// CPUID's features of KVM's, 0 on another hypervisor (kvm_para.h: KVM_CPUID_SIGNATURE).
inline uint32_t kvm_features(const Machine& machine) noexcept {
    constexpr uint32_t kKvmk = 0x4b4d564b;  // "KVMK"
    const CpuidLeaf signature = read_cpuid(machine, KVM_CPUID_SIGNATURE, 0);
    return signature.ebx == kKvmk ? read_cpuid(machine, KVM_CPUID_FEATURES, 0).eax : 0;
}

}  // namespace v0
}  // namespace resume
