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
