// FreeBSD-EN-17:05.xen: three mistakes in FreeBSD's suspend on Xen, found by migrating guests.
#include "tests/scenario/scenario.h"

namespace resume::scenario {
namespace {

// No. 1: "after a failed migration everything is initialised anew, which a domain that still lives
// refuses": the guest dies of the recovery, not of the failure.
TEST(FreeBsdEn1705, F2No1AFailedMigrationTreatedAsAResumeKillsTheGuest) {
    auto guest = guest_up(with(Bug::cancel_as_resume));
    const Cycle failed = guest->cycle(HostAct::migrate_fails_late);
    EXPECT_TRUE(!failed.alive() || !guest->cycle(HostAct::migrate).is(Outcome::resumed));
    expect_violation(*guest, "L6");
}

TEST(FreeBsdEn1705, F2No1AFailedMigrationIsRecoveredAndTheNextOneSucceeds) {
    ModelledGuestConfig config = with(Bug::none);
    config.machine.hosts = {{}, {.uptime = 5 * model::kSecond, .tsc_start = 1'000'000}};
    auto guest = guest_up(config);
    const Cycle failed = guest->cycle(HostAct::migrate_fails_late);
    EXPECT_TRUE(failed.is(Outcome::cancelled)) << failed.run.reason;
    EXPECT_FALSE(failed.errand->succeeded);
    EXPECT_EQ(guest->device("vbd-51712").reconnects, 0U);
    const Cycle good = guest->cycle(HostAct::migrate);
    EXPECT_TRUE(good.is(Outcome::resumed)) << good.run.reason;
    EXPECT_TRUE(good.errand->succeeded);
    EXPECT_EQ(good.result->evidence, DomainEvidence::fresh);
    EXPECT_EQ(guest->device("vbd-51712").reconnects, 1U);
    expect_clean(*guest);
}

// No. 2: "a user process may be stopped while it holds the xenstore lock": the resume waits for it
// for ever, or its half message is lost with the ring.
void stop_a_task_inside_the_store(ModelledGuest& guest) {
    guest.machine().faults.add({.site = model::FaultSite::store_request,
                                .number = XS_READ,
                                .times = 1'000'000,
                                .delay = 200 * model::kMillisecond});
    guest.tasks().at(0).busy = true;
    guest.idle(100 * model::kMillisecond);
}

TEST(FreeBsdEn1705, F3No2ATaskIsStoppedInsideTheStore) {
    auto guest = guest_up(with(Bug::store_in_flight));
    stop_a_task_inside_the_store(*guest);
    guest->cycle(HostAct::save_restore);
    const oracle::Verdict verdict = guest->verdict();
    EXPECT_TRUE(verdict.has("L4") || verdict.has("F1")) << complaints(*guest);
}

TEST(FreeBsdEn1705, F3No2TasksAreStoppedOutsideOfTheStore) {
    auto guest = guest_up(with(Bug::none));
    stop_a_task_inside_the_store(*guest);
    const uint64_t before = guest->tasks().at(0).answers;
    EXPECT_TRUE(guest->cycle(HostAct::save_restore).is(Outcome::resumed));
    EXPECT_TRUE(guest->cycle(HostAct::checkpoint).is(Outcome::cancelled));
    guest->idle(model::kSecond);
    EXPECT_GT(guest->tasks().at(0).answers, before) << "the task goes on where it was";
    guest->run([&] { guest->tasks().at(0).stop(); });
    expect_clean(*guest);
}

TEST(FreeBsdEn1705, F3No2ATaskKilledInsideTheStoreLeavesNoHole) {
    auto guest = guest_up(with(Bug::none));
    stop_a_task_inside_the_store(*guest);
    guest->run([&] { guest->tasks().at(0).kill(); });
    EXPECT_TRUE(guest->cycle(HostAct::save_restore).is(Outcome::resumed));
    EXPECT_TRUE(guest->cycle(HostAct::save_restore).is(Outcome::resumed));
    expect_clean(*guest);
}

// No. 3: "the timer claims to be safe during suspend, although it is resumed late": devices that
// come before it read a clock that is not there.
TEST(FreeBsdEn1705, F4No3DevicesUseTheTimerBeforeItIsResumed) {
    auto guest = guest_up(with(Bug::timer_after_devices));
    guest->device("rtc").behaviour.reads_clock = true;
    guest->cycle(HostAct::save_restore);
    const oracle::Verdict verdict = guest->verdict();
    EXPECT_TRUE(verdict.has("L7") || verdict.has("F3") || verdict.has("L13")) << complaints(*guest);
}

TEST(FreeBsdEn1705, F4No3TheTimerIsUpBeforeAnyDevice) {
    auto guest = guest_up(with(Bug::none));
    guest->device("rtc").behaviour.reads_clock = true;
    EXPECT_TRUE(guest->cycle(HostAct::save_restore).is(Outcome::resumed));
    EXPECT_TRUE(guest->cycle(HostAct::checkpoint).is(Outcome::cancelled));
    expect_clean(*guest);
}

}  // namespace
}  // namespace resume::scenario
