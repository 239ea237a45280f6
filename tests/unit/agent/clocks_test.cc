#include "agent/observe/clocks.h"

#include <gtest/gtest.h>

#include "agent/observe/reference_clock.h"
#include "temp_root.h"

namespace resume::agent {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(Clocks, ASleepMovesBootAgainstMonotonicOnly) {
    const ClockSample before{10 * kSecond, 10 * kSecond, 1000 * kSecond};
    const ClockSample after{18 * kSecond, 14 * kSecond, 1008 * kSecond};
    const ClockChange change = change_between(before, after);
    EXPECT_EQ(change.slept_ns, 4 * kSecond);
    EXPECT_EQ(change.step_ns, 0);
}

TEST(Clocks, ASetClockMovesRealAgainstBootOnly) {
    const ClockSample before{10 * kSecond, 9 * kSecond, 1000 * kSecond};
    const ClockSample after{11 * kSecond, 10 * kSecond, 4601 * kSecond};
    const ClockChange change = change_between(before, after);
    EXPECT_EQ(change.slept_ns, 0);
    EXPECT_EQ(change.step_ns, 3600 * kSecond);
}

TEST(Clocks, TwoSamplesInARowShowNothing) {
    const ClockChange change = change_between(read_clocks(), read_clocks());
    EXPECT_LT(std::abs(change.slept_ns), kClockNoiseNs);
    EXPECT_LT(std::abs(change.step_ns), kClockNoiseNs);
}

// A guest whose only CPU had been taken from it for 78 ms in mid-reading: the agent told of a clock
// that was set by that much, and of one set back after the next suspend.
TEST(Clocks, APauseInMidReadingIsNoStep) {
    int64_t passed = 0;
    int readings = 0;
    const auto now = [&](clockid_t clock) {
        passed += ++readings == 3 ? 78'000'000 : 200;
        return passed + (clock == CLOCK_REALTIME ? 1000 * kSecond : 0);
    };
    const ClockSample disturbed = read_clocks_by(now);
    EXPECT_LT(std::abs(change_between(read_clocks_by(now), disturbed).step_ns), 10'000);
    EXPECT_EQ(readings, 12) << "read again once, and not when nothing came between";
}

TEST(Clocks, ACpuThatIsAlwaysTakenAwayIsReadAllTheSame) {
    int64_t passed = 0;
    const ClockSample sample = read_clocks_by([&](clockid_t) { return passed += 60'000'000; });
    EXPECT_GT(sample.boot_ns, 0);
}

TEST(CancelTimer, SaysNothingWhileNobodySetsTheClock) {
    CancelTimer timer;
    EXPECT_TRUE(timer.state().available);
    EXPECT_FALSE(timer.take());
}

TEST(ReferenceClock, TakesTheHypervisorsClockOnlyByItsName) {
    TempRoot t;
    t.put("/sys/class/ptp/ptp0/clock_name", "e1000e-ptp\n");
    t.put("/dev/ptp0", "");
    t.put("/sys/class/rtc/rtc0/since_epoch", "1795000000\n");
    t.put("/sys/class/rtc/rtc0/name", "rtc_cmos 00:04\n");
    ReferenceClock clock{t.root};
    EXPECT_EQ(clock.type(), ReferenceClock::Type::rtc);
    EXPECT_EQ(clock.state().detail, "rtc_cmos 00:04, good to 1 s");
    ASSERT_TRUE(clock.read());
}

TEST(ReferenceClock, AnAbsurdRtcIsNoReading) {
    TempRoot t;
    t.put("/sys/class/rtc/rtc0/since_epoch", "99999999999999\n");
    ReferenceClock clock{t.root};
    EXPECT_FALSE(clock.read());
}

TEST(ReferenceClock, SaysWhyThereIsNone) {
    TempRoot t;
    ReferenceClock clock{t.root};
    EXPECT_FALSE(clock.state().available);
    EXPECT_FALSE(clock.read());
}

}  // namespace
}  // namespace resume::agent
