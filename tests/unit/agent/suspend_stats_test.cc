#include "agent/observe/suspend_stats.h"

#include "agent/observe/acpi_events.h"

#include <gtest/gtest.h>

#include "temp_root.h"

namespace resume::agent {
namespace {

constexpr const char* kFolder = "/sys/power/suspend_stats/";

void put_stats(const TempRoot& t, int success, int fail, int freeze, int device) {
    t.put(std::string{kFolder} + "success", std::to_string(success));
    t.put(std::string{kFolder} + "fail", std::to_string(fail));
    t.put(std::string{kFolder} + "failed_freeze", std::to_string(freeze));
    t.put(std::string{kFolder} + "failed_suspend", std::to_string(device));
    t.put(std::string{kFolder} + "last_failed_dev", "alarmtimer.0.auto\n");
    t.put(std::string{kFolder} + "last_failed_step", "suspend\n");
    t.put(std::string{kFolder} + "last_failed_errno", "-16\n");
}

TEST(SuspendStats, NamesTheDeviceWhoseCounterMoved) {
    TempRoot t;
    put_stats(t, 3, 0, 0, 0);
    const auto before = read_suspend_stats(t.root);
    put_stats(t, 3, 1, 0, 1);
    const auto change = change_between(before, read_suspend_stats(t.root));
    EXPECT_EQ(change.failures, 1);
    EXPECT_EQ(change.device, "alarmtimer.0.auto");
    EXPECT_EQ(change.step, "suspend");
    EXPECT_EQ(change.error, 16);
}

TEST(SuspendStats, WhatIsLeftOverFromAnEarlierFailureIsNotBlamed) {
    TempRoot t;
    put_stats(t, 3, 1, 0, 1);
    const auto before = read_suspend_stats(t.root);
    put_stats(t, 3, 2, 0, 1);  // a notifier refused: only `fail` moves
    const auto change = change_between(before, read_suspend_stats(t.root));
    EXPECT_EQ(change.failures, 1);
    EXPECT_EQ(change.device, "");
    EXPECT_EQ(change.step, "");
    EXPECT_EQ(change.error, 0);
}

TEST(SuspendStats, AbsentCountersChangeNothing) {
    TempRoot t;
    const auto none = read_suspend_stats(t.root);
    EXPECT_FALSE(none.state().available);
    EXPECT_EQ(change_between(none, none).failures, 0);
}

void put_fixed_events(const TempRoot& t, const char* line) {
    for (const char* event : {"gbl_lock", "pwr_btn", "rt_clk", "slp_btn"}) {
        t.put(std::string{"/sys/firmware/acpi/interrupts/ff_"} + event, line);
    }
}

TEST(AcpiEvents, RegistersThatReadAllOnesAreGone) {
    TempRoot t;
    EXPECT_FALSE(acpi_registers_gone(t.root));
    put_fixed_events(t, "       0  EN STS enabled      unmasked\n");
    EXPECT_EQ(acpi_registers_gone(t.root), true);
    t.put("/sys/firmware/acpi/interrupts/ff_rt_clk", "       0         disabled     unmasked\n");
    EXPECT_EQ(acpi_registers_gone(t.root), false);
}

}  // namespace
}  // namespace resume::agent
