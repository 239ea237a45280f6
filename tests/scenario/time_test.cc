// Reports about clocks and interrupts that came back wrong or late: failures 9, 10, 13, 14, 55, 56.
#include "tests/scenario/scenario.h"

namespace resume::scenario {
namespace {

/// Away to a host that started a moment ago, and back.
ModelledGuestConfig two_hosts(Bug bug, uint32_t vcpus = 1) {
    ModelledGuestConfig config = with(bug, vcpus);
    config.machine.hosts = {
        {}, {.uptime = 5 * model::kSecond, .tsc_hz = 1'900'000'000, .tsc_start = 9'000'000}};
    return config;
}

// 9: IPIs stayed masked until device interrupts came back; another CPU needed one before.
TEST(TimeAndInterrupts, F9ResumeHangsWhenIpisComeBackLate) {
    auto guest = guest_up(two_hosts(Bug::ipi_masked, 2));
    guest->device("rtc").behaviour.calls_cpus = true;
    const Cycle cycle = guest->cycle(HostAct::migrate);
    EXPECT_EQ(cycle.run.end, GuestEnd::hung) << cycle.run.reason;
}

TEST(TimeAndInterrupts, F9IpisAreThereBeforeDevices) {
    auto guest = guest_up(two_hosts(Bug::none, 2));
    guest->device("rtc").behaviour.calls_cpus = true;
    EXPECT_TRUE(guest->cycle(HostAct::migrate).is(Outcome::resumed));
    expect_clean(*guest);
}

// 13: the clock jumps by the difference of the hosts' uptimes: its offset was not computed anew.
TEST(TimeAndInterrupts, F13TheClockJumpsByTheHostsUptimes) {
    auto guest = guest_up(two_hosts(Bug::clock_offset_kept));
    guest->cycle(HostAct::migrate);
    expect_violation(*guest, "L13");
}

// 14: the guest freezes after a migration and comes back hours later: the monotonic guard keeps
// the old host's value until the new one has caught up.
TEST(TimeAndInterrupts, F14TheClockStandsStillUntilTheNewHostCaughtUp) {
    auto guest = guest_up(two_hosts(Bug::clock_guard_kept));
    guest->cycle(HostAct::migrate);
    const uint64_t before = guest->ticks();
    guest->idle(2 * model::kSecond);
    EXPECT_LT(guest->ticks() - before, 20U) << "nothing that waits for a time goes on";
    guest->cycle(HostAct::checkpoint);
    expect_violation(*guest, "L13");
}

TEST(TimeAndInterrupts, F13And14TheClockGoesOnWhereItStood) {
    auto guest = guest_up(two_hosts(Bug::none, 2));
    for (int i = 0; i < 6; ++i) {
        EXPECT_TRUE(guest->cycle(HostAct::migrate).is(Outcome::resumed));
        const uint64_t before = guest->ticks();
        guest->idle(model::kSecond);
        EXPECT_GT(guest->ticks() - before, 50U) << "it ticks on";
    }
    expect_clean(*guest);
}

// 10: stolen time is added after a cancel too: 100 % steal for hours.
TEST(TimeAndInterrupts, F10StolenTimeIsAddedTwice) {
    auto guest = guest_up(two_hosts(Bug::runstate_twice));
    guest->cycle(HostAct::checkpoint);
    expect_violation(*guest, "L14");
}

// 55: a clock read before shared_info is mapped again spins for ever: the version reads all ones.
TEST(TimeAndInterrupts, F55AClockReadBeforeTheRemapSpinsForEver) {
    auto guest = guest_up(with(Bug::clock_before_remap));
    const Cycle cycle = guest->cycle(HostAct::save_restore);
    EXPECT_EQ(cycle.run.end, GuestEnd::hung) << cycle.run.reason;
}

TEST(TimeAndInterrupts, F55NoClockIsReadBeforeTheRemap) {
    auto guest = guest_up(with(Bug::none));
    EXPECT_TRUE(guest->cycle(HostAct::save_restore).is(Outcome::resumed));
    expect_clean(*guest);
}

// 56: the wall clock reads 0 after a restore: shared_info is in the 32-bit layout until the
// hypercall page is set.
TEST(TimeAndInterrupts, F56TheWallClockSays1970) {
    auto guest = guest_up(with(Bug::no_hypercall_page));
    EXPECT_TRUE(guest->cycle(HostAct::save_restore).is(Outcome::resumed));
    Nanoseconds wall = 0;
    guest->run([&] { wall = guest->guest().time().wall(); });
    EXPECT_LT(wall, 10'000 * model::kSecond) << "the base read 0: seconds since 1970";
}

TEST(TimeAndInterrupts, F56TheWallClockIsTheNewHosts) {
    ModelledGuestConfig config = two_hosts(Bug::none);
    config.machine.hosts[1].wall_offset_ns = 7 * static_cast<int64_t>(model::kSecond);
    auto guest = guest_up(config);
    EXPECT_TRUE(guest->cycle(HostAct::migrate).is(Outcome::resumed));
    Nanoseconds wall = 0;
    guest->run([&] { wall = guest->guest().time().wall(); });
    const double expected = static_cast<double>(model::kWallStart * model::kSecond) +
                            static_cast<double>(guest->machine().clock.now()) + 7e9;
    EXPECT_NEAR(static_cast<double>(wall), expected, 1e9);
    expect_clean(*guest);
}

}  // namespace
}  // namespace resume::scenario
