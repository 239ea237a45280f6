#include "agent/doctor/platform.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "tests/unit/doctor/fixture_tree.h"

namespace resume::agent::doctor {
namespace {

// A CPU whose hypervisor answers with these signatures at these leaves.
Cpuid cpu(std::map<uint32_t, const char*> signatures) {
    return [signatures](uint32_t leaf, uint32_t) {
        CpuidLeaf out;
        if (leaf == 1 && !signatures.empty()) {
            out.ecx = 1U << 31;
        }
        if (const auto found = signatures.find(leaf); found != signatures.end()) {
            char text[13] = {};
            ::strncpy(text, found->second, 12);
            std::memcpy(&out.ebx, text, 4);
            std::memcpy(&out.ecx, text + 4, 4);
            std::memcpy(&out.edx, text + 8, 4);
        }
        return out;
    };
}

TEST(PlatformTest, NoHypervisorBitIsABareMachine) {
    FixtureTree tree;
    const auto facts = detect_platform(tree.live(), cpu({}));
    EXPECT_EQ(facts.platform, Platform::bare);
    EXPECT_TRUE(facts.sure);
}

TEST(PlatformTest, KvmSaysSo) {
    FixtureTree tree;
    EXPECT_EQ(detect_platform(tree.live(), cpu({{0x40000000, "KVMKVMKVM"}})).platform,
              Platform::kvm);
}

TEST(PlatformTest, XenBehindHyperVLeavesIsFound) {
    FixtureTree tree;
    tree.file("/sys/hypervisor/type", "xen\n").file("/sys/hypervisor/guest_type", "HVM\n");
    const auto facts = detect_platform(
        tree.live(), cpu({{0x40000000, "Microsoft Hv"}, {0x40000100, "XenVMMXenVMM"}}));
    EXPECT_EQ(facts.platform, Platform::xen_hvm);
    EXPECT_EQ(facts.hypervisor_base, 0x40000100U);
    EXPECT_TRUE(facts.sure);
}

TEST(PlatformTest, TheGuestTypesOfXenAreTold) {
    for (const auto& [word, platform] : std::map<const char*, Platform>{
             {"PV", Platform::xen_pv}, {"PVH", Platform::xen_pvh}, {"HVM", Platform::xen_hvm}}) {
        FixtureTree tree;
        tree.file("/sys/hypervisor/type", "xen\n").file("/sys/hypervisor/guest_type", word);
        EXPECT_EQ(detect_platform(tree.live(), cpu({{0x40000000, "XenVMMXenVMM"}})).platform,
                  platform);
    }
}

TEST(PlatformTest, AnOldKernelOnXenIsNotSure) {
    FixtureTree tree;
    tree.file("/sys/hypervisor/type", "xen\n");
    const auto facts = detect_platform(tree.live(), cpu({}));
    EXPECT_EQ(facts.platform, Platform::xen_pv) << "Xen in /sys, none in CPUID";
    EXPECT_FALSE(facts.sure);
}

TEST(PlatformTest, AControlDomainIsNoGuest) {
    FixtureTree tree;
    tree.file("/sys/hypervisor/type", "xen\n").file("/proc/xen/capabilities", "control_d\n");
    EXPECT_EQ(detect_platform(tree.live(), cpu({})).platform, Platform::xen_dom0);
}

TEST(PlatformTest, AnImageDoesNotSayWhereItRuns) {
    FixtureTree tree;
    EXPECT_EQ(detect_platform(tree.image(), cpu({{0x40000000, "KVMKVMKVM"}})).platform,
              Platform::unknown);
}

TEST(PlatformTest, OnlyGuestsCanBeNamed) {
    EXPECT_EQ(platform_from("xen-pvh"), Platform::xen_pvh);
    EXPECT_EQ(platform_from("kvm"), Platform::kvm);
    EXPECT_FALSE(platform_from("bare"));
    EXPECT_FALSE(platform_from("xen"));
}

}  // namespace
}  // namespace resume::agent::doctor
