// The inventory: taken from machines made of files, and compared.
#include "agent/doctor/inventory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "tests/unit/doctor/fixture_tree.h"

namespace resume::agent::doctor {
namespace {

using Leaves = std::map<std::pair<uint32_t, uint32_t>, CpuidLeaf>;

Cpuid cpu(Leaves leaves) {
    return [leaves](uint32_t leaf, uint32_t subleaf) {
        const auto found = leaves.find({leaf, subleaf});
        return found == leaves.end() ? CpuidLeaf{} : found->second;
    };
}

uint32_t four(const char* text) {
    uint32_t word = 0;
    std::memcpy(&word, text, 4);
    return word;
}

Leaves xen_guest() {
    Leaves leaves;
    leaves[{0, 0}] = {0x15, four("Auth"), four("cAMD"), four("enti")};
    leaves[{1, 0}] = {0x00800f12, 0x05000000, 1U << 31 | 1U << 28 | 1U << 27, 1U << 4};
    leaves[{7, 0}] = {0, 1U << 5 | 1U << 6, 0, 0};
    leaves[{0x80000000, 0}] = {0x80000008, 0, 0, 0};
    leaves[{0x40000000, 0}] = {0x40000005, four("XenV"), four("MMXe"), four("nVMM")};
    leaves[{0x40000001, 0}] = {4U << 16 | 17, 0, 0, 0};
    leaves[{0x40000003, 0}] = {0, 0, 2299999, 1};
    leaves[{0x40000004, 0}] = {1U << 3 | 1U << 4 | 1U << 6, 0, 7, 0};
    return leaves;
}

FixtureTree& machine(FixtureTree& tree) {
    tree.file("/sys/hypervisor/type", "xen\n").file("/sys/hypervisor/guest_type", "PVH\n");
    tree.file("/sys/devices/system/clocksource/clocksource0/current_clocksource", "xen\n");
    tree.file("/sys/devices/system/clocksource/clocksource0/available_clocksource", "xen tsc \n");
    tree.file("/sys/bus/xen/devices/vbd-51712/state", "Connected\n");
    tree.folder("/sys/block/xvda/device").file("/sys/block/xvda/size", "2048\n");
    tree.file("/sys/block/xvda/ro", "0\n").file("/sys/block/xvda/queue/max_segments", "256\n");
    tree.file("/sys/block/loop0/size", "8\n");
    tree.folder("/sys/class/net/eth0/device").file("/sys/class/net/eth0/mtu", "1500\n");
    tree.file("/sys/class/net/eth0/address", "00:16:3e:00:00:01\n").folder("/sys/class/net/lo");
    tree.file("/sys/bus/virtio/devices/virtio0/features", "1010");
    tree.file("/sys/bus/virtio/devices/virtio0/device", "0x0002\n");
    return tree.file("/proc/meminfo", "MemTotal: 1000 kB\nHardwareCorrupted:     0 kB\n");
}

std::string value(const Inventory& inventory, const std::string& id) {
    for (const Item& item : inventory.items) {
        if (item.id == id) {
            return item.value;
        }
    }
    return "-";
}

TEST(InventoryTest, TakesWhatTheSourcesSay) {
    FixtureTree tree;
    const Inventory taken = take_inventory(machine(tree).live(), cpu(xen_guest()));
    EXPECT_EQ(value(taken, "cpu.vendor"), "AuthenticAMD");
    EXPECT_EQ(value(taken, "cpu.feature.avx"), "1");
    EXPECT_EQ(value(taken, "cpu.feature.avx2"), "1");
    EXPECT_EQ(value(taken, "cpu.feature.7-ebx-6"), "1") << "a bit without a name";
    EXPECT_EQ(value(taken, "cpu.feature.-"), "-") << "OSXSAVE is the kernel's own setting";
    EXPECT_EQ(value(taken, "cpu.tsc_khz"), "2299999");
    EXPECT_EQ(value(taken, "hypervisor.version"), "4.17");
    EXPECT_EQ(value(taken, "hypervisor.platform"), "xen-pvh");
    EXPECT_EQ(value(taken, "hypervisor.xen.upcall-vector"), "1");
    EXPECT_EQ(value(taken, "xenbus.vbd-51712.state"), "Connected");
    EXPECT_EQ(value(taken, "disk.xvda.size"), "2048");
    EXPECT_EQ(value(taken, "disk.loop0.size"), "-");
    EXPECT_EQ(value(taken, "link.eth0.mtu"), "1500");
    EXPECT_EQ(value(taken, "virtio.virtio0.feature.0"), "1");
    EXPECT_EQ(value(taken, "virtio.virtio0.feature.1"), "-");
    EXPECT_EQ(value(taken, "memory.hardware_corrupted_kib"), "0");
}

TEST(InventoryTest, TheSameMachineTwiceHasNoDifference) {
    FixtureTree tree;
    machine(tree);
    const Inventory first = take_inventory(tree.live(), cpu(xen_guest()));
    // Another CPU of the same machine answers with another APIC id.
    Leaves other = xen_guest();
    other[{1, 0}].ebx = 0x07000000;
    const Comparison result = compare(first, take_inventory(tree.live(), cpu(other)), {});
    EXPECT_TRUE(result.differences.empty()) << to_text(result);
    EXPECT_EQ(exit_code(result), 0);
}

TEST(InventoryTest, EachDifferenceIsNamedWithItsClass) {
    FixtureTree tree;
    machine(tree);
    const Inventory before = take_inventory(tree.live(), cpu(xen_guest()));
    Leaves other = xen_guest();
    other[{7, 0}].ebx = 1U << 3;
    other[{0x40000001, 0}].eax = 4U << 16 | 18;
    tree.remove("/sys/block/xvda");
    tree.file("/sys/class/net/eth0/mtu", "1400\n");
    tree.file("/proc/meminfo", "MemTotal: 900 kB\nHardwareCorrupted:     4 kB\n");
    const Comparison result = compare(before, take_inventory(tree.live(), cpu(other)), {});
    EXPECT_EQ(to_text(result),
              "required lost cpu.feature.7-ebx-6 (was 1)\n"
              "required lost cpu.feature.avx2 (was 1)\n"
              "required lost disk.xvda.ro (was 0)\n"
              "required lost disk.xvda.size (was 2048)\n"
              "required changed link.eth0.mtu (was 1500, now 1400)\n"
              "expected lost disk.xvda.max_segments (was 256)\n"
              "expected changed memory.hardware_corrupted_kib (was 0, now 4)\n"
              "informational gained cpu.feature.bmi1 (now 1)\n"
              "informational changed hypervisor.version (was 4.17, now 4.18)\n"
              "informational changed memory.total_kib (was 1000, now 900)\n"
              "degraded\n");
    EXPECT_EQ(exit_code(result), 1);
}

TEST(InventoryTest, OnlyTheVeryItemIsWaived) {
    FixtureTree tree;
    machine(tree);
    const Inventory before = take_inventory(tree.live(), cpu(xen_guest()));
    Leaves other = xen_guest();
    other[{7, 0}].ebx = 0;
    const Inventory after = take_inventory(tree.live(), cpu(other));
    EXPECT_TRUE(compare(before, after, {"cpu.feature.avx2"}).degraded);
    EXPECT_TRUE(compare(before, after, {"cpu.feature", "cpu.feature.*"}).degraded);
    const Comparison waived = compare(before, after, {"cpu.feature.avx2", "cpu.feature.7-ebx-6"});
    EXPECT_FALSE(waived.degraded);
    EXPECT_EQ(waived.differences.size(), 2U) << "waived, and still said";
    EXPECT_EQ(exit_code(waived), 0);
}

TEST(InventoryTest, GrowthIsNoLoss) {
    const auto with = [](Compare how, const char* value) {
        return Inventory{{{"x", Class::required, how, value}}};
    };
    EXPECT_FALSE(compare(with(Compare::at_least, "5"), with(Compare::at_least, "6"), {}).degraded);
    EXPECT_TRUE(compare(with(Compare::at_least, "6"), with(Compare::at_least, "5"), {}).degraded);
    EXPECT_TRUE(compare(with(Compare::at_most, "5"), with(Compare::at_most, "6"), {}).degraded);
    EXPECT_FALSE(compare(with(Compare::at_most, "6"), with(Compare::at_most, "5"), {}).degraded);
    EXPECT_TRUE(compare(with(Compare::exact, "5"), with(Compare::exact, "6"), {}).degraded);
    EXPECT_TRUE(compare(with(Compare::at_least, "5"), with(Compare::at_least, "x"), {}).degraded);
    EXPECT_FALSE(compare(with(Compare::presence, "5"), with(Compare::presence, "6"), {}).degraded);
}

// A PVH guest with systemd: the agent was there before netfront had connected and udev had given
// the link its name, and the first suspend's report said that all of that was lost.
TEST(InventoryTest, WhatIsStillOnItsWayAtBootIsNoLoss) {
    const Inventory early{
        {{"link.eth0.address", Class::required, Compare::exact, "00:16:3e:00:00:01"},
         {"link.eth0.mtu", Class::required, Compare::exact, "1500"},
         {"xenbus.vif-0.state", Class::required, Compare::exact, "Initialising"}}};
    Inventory late{{{"link.enX0.address", Class::required, Compare::exact, "00:16:3e:00:00:01"},
                    {"link.enX0.mtu", Class::required, Compare::exact, "1500"},
                    {"xenbus.vif-0.state", Class::required, Compare::exact, "Connected"}}};
    const Comparison comparison = compare(early, late, {});
    EXPECT_FALSE(comparison.degraded) << to_text(comparison);
    EXPECT_EQ(to_text(comparison),
              "informational changed link.eth0.name (was eth0, now enX0)\n"
              "informational gained xenbus.vif-0.state (was Initialising, now "
              "Connected)\nnot degraded\n");
    EXPECT_TRUE(compare(late, early, {}).degraded) << "a frontend that is not connected any more";
    late.items[1].value = "1400";
    EXPECT_TRUE(compare(early, late, {}).degraded) << "what a renamed link has lost";
}

TEST(InventoryTest, AnotherLinkIsNoRenamedOne) {
    const Inventory before{
        {{"link.eth0.address", Class::required, Compare::exact, "00:16:3e:00:00:01"}}};
    const Inventory other{
        {{"link.eth1.address", Class::required, Compare::exact, "00:16:3e:00:00:02"}}};
    EXPECT_TRUE(compare(before, other, {}).degraded);
    const Inventory bond{
        {{"link.eth1.address", Class::required, Compare::exact, "00:16:3e:00:00:01"},
         {"link.eth2.address", Class::required, Compare::exact, "00:16:3e:00:00:01"}}};
    EXPECT_TRUE(compare(before, bond, {}).degraded) << "which of the two is it?";
}

TEST(InventoryTest, TheTscRateIsRequiredWhereTheClockIsTheTsc) {
    FixtureTree tree;
    machine(tree).file("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
    const Inventory before = take_inventory(tree.live(), cpu(xen_guest()));
    Leaves other = xen_guest();
    other[{0x40000003, 0}].ecx = 2400000;
    EXPECT_TRUE(compare(before, take_inventory(tree.live(), cpu(other)), {}).degraded);
}

TEST(InventoryTest, GoesThroughItsFileUnchanged) {
    FixtureTree tree;
    const Inventory taken = take_inventory(machine(tree).live(), cpu(xen_guest()));
    std::string error;
    const Inventory read = parse_inventory(to_json(taken), "a.json", error);
    EXPECT_EQ(error, "");
    EXPECT_EQ(read.items.size(), taken.items.size());
    EXPECT_TRUE(compare(taken, read, {}).differences.empty());
}

TEST(InventoryTest, BadFilesAreNamedWithTheirCause) {
    const std::pair<const char*, const char*> kBad[] = {
        {"", "a.json: byte 1: not JSON"},
        {"{\"schema\": \"inventory-1\"", "not JSON"},
        {"[1e999]", "a.json: a number is too large"},  // found by fuzz-inventory

        {"[]", "a.json: not an inventory"},
        {"{\"schema\":\"doctor-1\",\"items\":[]}", "not an inventory"},
        {"{\"schema\":\"inventory-1\",\"items\":[1]}", "an item is not an object"},
        {"{\"schema\":\"inventory-1\",\"items\":[{\"id\":1}]}", "no string \"id\""},
        {"{\"schema\":\"inventory-1\",\"items\":[{\"id\":\"x\",\"class\":\"vital\",\"compare\":"
         "\"exact\",\"value\":\"1\"}]}",
         "unknown class or comparison of x"},
    };
    for (const auto& [text, wrong] : kBad) {
        std::string error;
        EXPECT_TRUE(parse_inventory(text, "a.json", error).items.empty());
        EXPECT_NE(error.find(wrong), std::string::npos) << error;
    }
}

TEST(InventoryTest, ThisMachineComparesEqualToItself) {
    const Root root = Root::live();
    const Inventory first = take_inventory(root, live_cpuid());
    EXPECT_GT(first.items.size(), 10U);
    const Comparison result = compare(first, take_inventory(root, live_cpuid()), {});
    EXPECT_FALSE(result.degraded) << to_text(result);
}

}  // namespace
}  // namespace resume::agent::doctor
