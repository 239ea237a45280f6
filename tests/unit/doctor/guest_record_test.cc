// What the daemon adds to a cycle's report.
#include "agent/doctor/guest_record.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/doctor/fixture_tree.h"

namespace resume::agent::doctor {
namespace {

FixtureTree& machine(FixtureTree& tree) {
    tree.folder("/sys/block/xvdb/device").file("/sys/block/xvdb/size", "2048\n");
    tree.file("/sys/devices/system/clocksource/clocksource0/current_clocksource", "xen\n");
    tree.file("/sys/devices/system/clocksource/clocksource0/available_clocksource", "xen\n");
    tree.file("/proc/sys/kernel/osrelease", "6.18.44-own\n");
    return tree.file("/proc/meminfo", "HardwareCorrupted:     0 kB\n");
}

TEST(GuestRecordTest, AnUneventfulCycleHasOneGoodCheck) {
    FixtureTree tree;
    GuestRecord record{machine(tree).live(), {}, {}};
    oracle::CycleReport report;
    record.after_cycle(report);
    EXPECT_TRUE(report.changed.empty());
    ASSERT_EQ(report.checks.size(), 1U);
    EXPECT_EQ(report.checks[0].id, "capabilities");
    EXPECT_EQ(report.checks[0].status, "ok");
}

TEST(GuestRecordTest, ALostDiskDegradesTheReportOnce) {
    FixtureTree tree;
    GuestRecord record{machine(tree).live(), {}, {}};
    tree.remove("/sys/block/xvdb");
    oracle::CycleReport report;
    record.after_cycle(report);
    ASSERT_EQ(report.changed.size(), 1U);
    EXPECT_EQ(report.changed[0].what, "required disk.xvdb.size");
    EXPECT_EQ(report.changed[0].from, "2048");
    EXPECT_EQ(report.checks[0].status, "failed");
    oracle::CycleReport next;
    record.after_cycle(next);
    EXPECT_EQ(next.checks[0].status, "ok") << "compared with what was there before that cycle";
}

TEST(GuestRecordTest, AWaivedLossIsSaidAndDoesNotDegrade) {
    FixtureTree tree;
    GuestRecord record{machine(tree).live(), {}, {"disk.xvdb.size"}};
    tree.remove("/sys/block/xvdb");
    oracle::CycleReport report;
    record.after_cycle(report);
    EXPECT_EQ(report.changed.at(0).what, "required disk.xvdb.size (waived)");
    EXPECT_EQ(report.checks[0].status, "ok");
}

TEST(GuestRecordTest, AnAnnouncedCycleIsComparedWithItsBeginning) {
    FixtureTree tree;
    GuestRecord record{machine(tree).live(), {}, {}};
    tree.remove("/sys/block/xvdb");
    record.remember();
    oracle::CycleReport report;
    record.after_cycle(report);
    EXPECT_TRUE(report.changed.empty()) << "unplugged long before";
}

TEST(GuestRecordTest, AFrontendThatComesBackIsWaitedForAndOneThatIsGoneIsNot) {
    FixtureTree tree;
    constexpr const char* kState = "/sys/bus/xen/devices/vif-0/state";
    machine(tree).file(kState, "Connected\n");
    const GuestRecord record{tree.live(), {}, {}};
    EXPECT_TRUE(record.settled());
    tree.file(kState, "Initialising\n");
    EXPECT_FALSE(record.settled());
    tree.remove("/sys/bus/xen/devices/vif-0");
    EXPECT_TRUE(record.settled());
}

TEST(GuestRecordTest, NewlyLostPagesAreListedOnce) {
    FixtureTree tree;
    GuestRecord record{machine(tree).live(), {}, {}};
    tree.file("/proc/meminfo", "HardwareCorrupted:     4 kB\n");
    uint64_t flags[4] = {0, 0, 0, uint64_t{1} << 19};
    tree.file("/proc/kpageflags", {reinterpret_cast<const char*>(flags), sizeof flags});
    oracle::CycleReport report;
    record.after_cycle(report);
    ASSERT_EQ(report.checks.size(), 2U);
    EXPECT_EQ(report.checks[0].status, "warning") << "more corrupted memory than before";
    EXPECT_EQ(report.checks[1].id, "poison");
    EXPECT_NE(report.checks[1].detail.find("1 page: 0x3000"), std::string::npos);
    oracle::CycleReport next;
    record.after_cycle(next);
    EXPECT_EQ(next.checks.size(), 1U);
}

std::string verdict(GuestRecord& record) {
    return verdict_node(record.diagnosis({}).findings);
}

TEST(GuestRecordTest, TheVerdictFollowsTheGuest) {
    FixtureTree tree;
    GuestRecord record{machine(tree).live(), {}, {}};
    EXPECT_EQ(verdict(record), "safe");
    tree.file("/sys/power/pm_test", "none core [devices]\n");
    EXPECT_EQ(verdict(record), "warning pm-test");
}

TEST(GuestRecordTest, PageFlagsAreReadAgainOnlyWhenTheCounterMoves) {
    FixtureTree tree;
    machine(tree).file("/proc/meminfo", "HardwareCorrupted:     4 kB\n");
    uint64_t flags[2] = {0, uint64_t{1} << 19};
    tree.file("/proc/kpageflags", {reinterpret_cast<const char*>(flags), sizeof flags});
    GuestRecord record{tree.live(), {}, {}};
    tree.remove("/proc/kpageflags");
    const Diagnosis diagnosis = record.diagnosis({});
    const auto poison = std::find_if(diagnosis.findings.begin(), diagnosis.findings.end(),
                                     [](const Finding& finding) { return finding.id == "poison"; });
    ASSERT_NE(poison, diagnosis.findings.end());
    EXPECT_NE(poison->evidence.find("1 page: 0x1000"), std::string::npos) << poison->evidence;
}

TEST(GuestRecordTest, WhatHangsIsFoundByAnEarlierLook) {
    FixtureTree tree;
    machine(tree).file("/sys/block/xvdb/stat", "9 0 0 0 9 0 0 0 1 0 0\n");
    tree.file("/sys/block/xvdb/inflight", "1 0\n");
    GuestRecord record{tree.live(), {}, {}};
    EXPECT_EQ(verdict(record), "safe") << "one look tells nothing";
    const Activity earlier = record.activity();
    EXPECT_TRUE(earlier.busy());
    EXPECT_EQ(verdict_node(record.diagnosis({}, earlier).findings), "warning disks");
    tree.file("/sys/block/xvdb/stat", "10 0 0 0 9 0 0 0 1 0 0\n");
    EXPECT_EQ(verdict_node(record.diagnosis({}, earlier).findings), "safe");
}

TEST(GuestRecordTest, WaiversAreThoseOfTheLastConfiguration) {
    FixtureTree tree;
    GuestRecord record{machine(tree).live(), {}, {}};
    record.waive({"disk.xvdb.size"});
    tree.remove("/sys/block/xvdb");
    oracle::CycleReport report;
    record.after_cycle(report);
    EXPECT_EQ(report.checks.at(0).status, "ok");
}

}  // namespace
}  // namespace resume::agent::doctor
