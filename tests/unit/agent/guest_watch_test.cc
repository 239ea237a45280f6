// What the daemon does with the doctor around a cycle.
#include "agent/daemon/guest_watch.h"

#include <gtest/gtest.h>

#include "agent/act/coordinator.h"
#include "temp_root.h"

namespace resume::agent {
namespace {

constexpr const char* kVif = "/sys/bus/xen/devices/vif-0/state";

class GuestWatchTest : public ::testing::Test {
  protected:
    GuestWatchTest() {
        t.put("/proc/meminfo", "HardwareCorrupted:     0 kB\n");
        t.put("/proc/sys/kernel/osrelease", "6.18.44-own\n");
        t.put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "xen\n");
        t.put("/sys/devices/system/clocksource/clocksource0/available_clocksource", "xen\n");
        t.put("/sys/block/xvdb/size", "2048\n");
        t.put(kVif, "Connected\n");
        record.emplace(doctor::Root::fixture(t.root.prefix), doctor::Cpuid{},
                       std::set<std::string>{});
        inventory.emplace(coordinator.cycle(), loop, *record);
        coordinator.add(*inventory);
    }
    void TearDown() override { coordinator.detach(); }

    static oracle::CycleReport resumed() {
        oracle::CycleReport report;
        report.kind = "xen-suspend";
        report.outcome = "resumed";
        return report;
    }
    oracle::CycleReport& after_cycle() {
        coordinator.run_after(resumed());
        return coordinator.cycle().report;
    }

    TempRoot t;
    EventLoop loop;
    Coordinator coordinator{loop, t.root("/announced")};
    std::optional<doctor::GuestRecord> record;
    std::optional<InventoryParticipant> inventory;
    StorePublisher publisher{[this](std::string_view path, std::string_view value) {
        written.emplace_back(std::string{path} + "=" + std::string{value});
        return 0;
    }};
    std::vector<std::string> written;
};

TEST_F(GuestWatchTest, AReportSaysWhatWasLost) {
    std::filesystem::remove_all(t.root("/sys/block/xvdb"));
    const auto& report = after_cycle();
    ASSERT_EQ(report.changed.size(), 1U);
    EXPECT_EQ(report.changed[0].what, "required disk.xvdb.size");
    ASSERT_EQ(report.checks.size(), 1U);
    EXPECT_EQ(report.checks[0].status, "failed");
}

TEST_F(GuestWatchTest, AReportWaitsForAFrontendThatComesBack) {
    t.put(kVif, "Initialising\n");
    loop.after(std::chrono::milliseconds{1}, [this] { t.put(kVif, "Connected\n"); });
    EXPECT_TRUE(after_cycle().changed.empty());
}

TEST_F(GuestWatchTest, AnAnnouncedCycleIsComparedWithItsBeginning) {
    std::filesystem::remove_all(t.root("/sys/block/xvdb"));
    Coordinator::Announcement announcement;
    announcement.id = "a";
    announcement.kind = "xen-suspend";
    announcement.answer = [this](bool, const std::string&) { coordinator.deliver(resumed()); };
    ASSERT_TRUE(coordinator.run(std::move(announcement)));
    EXPECT_TRUE(coordinator.cycle().report.changed.empty()) << "unplugged long before";
}

TEST_F(GuestWatchTest, TheVerdictIsPublishedAtStartAndAnew) {
    VerdictKeeper keeper{loop, *record, &publisher, {}};
    keeper.start();
    EXPECT_EQ(keeper.verdict(), "safe");
    t.put("/sys/power/pm_test", "none core [devices]\n");
    keeper.refresh();
    EXPECT_EQ(written, (std::vector<std::string>{"data/resume/doctor=safe",
                                                 "data/resume/doctor=warning pm-test"}));
}

TEST_F(GuestWatchTest, WhatMayHangIsLookedAtTwice) {
    t.put("/sys/block/xvdb/device/x", "");
    t.put("/sys/block/xvdb/stat", "9 0 0 0 9 0 0 0 1 0 0\n");
    t.put("/sys/block/xvdb/inflight", "1 0\n");
    VerdictKeeper keeper{loop, *record, &publisher, {}};
    keeper.start();
    EXPECT_EQ(keeper.verdict(), "safe") << "a host that asks early gets an answer";
    while (written.size() < 2) {
        loop.step();
    }
    EXPECT_EQ(keeper.verdict(), "warning disks");
}

TEST_F(GuestWatchTest, WithoutAStoreThereIsAVerdictAllTheSame) {
    VerdictKeeper keeper{loop, *record, nullptr, {}};
    keeper.start();
    EXPECT_EQ(keeper.verdict(), "safe");
    EXPECT_FALSE(loop.step(std::chrono::milliseconds{0})) << "and no timer: no wake-up at idle";
}

}  // namespace
}  // namespace resume::agent
