#include "agent/observe/xen_cpuid.h"

#include <gtest/gtest.h>
#include <xen/arch-x86/cpuid.h>

namespace resume::agent {
namespace {

CpuidReader xen_at(uint32_t base, uint32_t leaves, uint32_t domid, uint32_t incarnation) {
    return [=](uint32_t leaf, uint32_t) -> CpuidRegisters {
        if (leaf == base) {
            return {base + leaves, XEN_CPUID_SIGNATURE_EBX, XEN_CPUID_SIGNATURE_ECX,
                    XEN_CPUID_SIGNATURE_EDX};
        }
        if (leaf == base + 3) {
            return {0, 0, 0, incarnation};
        }
        if (leaf == base + 4) {
            return {XEN_HVM_CPUID_DOMID_PRESENT, 0, domid, 0};
        }
        return {};
    };
}

TEST(XenCpuid, TellsTheDomainBehindAnotherInterface) {
    const auto identity = read_xen_identity(xen_at(0x40000100, 5, 7, 2));
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->domid, 7u);
    EXPECT_EQ(identity->incarnation, 2u);
}

TEST(XenCpuid, AnOldXenTellsNoDomain) {
    const auto identity = read_xen_identity(xen_at(0x40000000, 3, 7, 2));
    ASSERT_TRUE(identity);
    EXPECT_FALSE(identity->domid);
    EXPECT_EQ(identity->incarnation, 2u);
}

TEST(XenCpuid, NoSignatureIsNoXen) {
    EXPECT_FALSE(read_xen_identity([](uint32_t, uint32_t) { return CpuidRegisters{}; }));
    EXPECT_FALSE(state_of(std::nullopt).available);
}

}  // namespace
}  // namespace resume::agent
