// Memory that the guest leaves to the host, over every way of coming back: failure 35, a target
// that changes while the guest is away, a host that has none left, a user who gives nothing up.
#include "tests/scenario/scenario.h"
#include "tests/stress/guest/loaded_balloon.h"

namespace resume::scenario {
namespace {

constexpr HostAct kActs[] = {HostAct::checkpoint,        HostAct::slow,         HostAct::fast,
                             HostAct::in_place,          HostAct::save_restore, HostAct::migrate,
                             HostAct::migrate_fails_late};
constexpr uint32_t kPages = stress::LoadedBalloon::kPages;

class BalloonGuest {
  public:
    explicit BalloonGuest(const ModelledGuestConfig& config)
        : guest{guest_up(config)}, loaded_{*guest, 1, config.bugs} {
        machine.toolstack.down_timeout = 2 * model::kSecond;  // of a refusal
        loaded_.start();
        guest->work_with([this] { balloon.pump(); });
        idle();
    }
    void idle() { guest->idle(2 * model::kSecond); }
    void want(uint32_t pages) { stress::want_pages(machine, pages); }
    /// What is out is what was wanted, and nobody lost anything that he uses.
    void expect(uint32_t out) {
        EXPECT_EQ(balloon.out(), out);
        EXPECT_EQ(machine.reservation.given(), out);
        EXPECT_EQ(load.used(), kPages - out);
        EXPECT_EQ(load.wrong(), 0U);
    }

    std::unique_ptr<ModelledGuest> guest;

  private:
    stress::LoadedBalloon loaded_;

  public:
    Machine& machine = guest->machine();
    Balloon& balloon = loaded_.balloon;
    PoolLoad& load = loaded_.load;
};

// 35: a suspend that changed nothing is told as a restore in which all of it came back (virtio: one
// callback for both). What is used again is no memory.
TEST(BalloonMemory, F35WhatIsOutIsTakenForBack) {
    BalloonGuest of{with(Bug::balloon_forgets)};
    of.want(3);
    of.idle();
    of.expect(3);
    EXPECT_TRUE(of.guest->cycle(HostAct::checkpoint).is(Outcome::cancelled));
    expect_violation(*of.guest, "D2");
}

TEST(BalloonMemory, F35WhatIsOutStaysOutHoweverTheGuestComesBack) {
    BalloonGuest of{with(Bug::none)};
    of.want(3);
    of.idle();
    for (const HostAct act : kActs) {
        const Cycle cycle = of.guest->cycle(act);
        ASSERT_TRUE(cycle.alive() && cycle.result) << name_of(act) << ": " << cycle.run.reason;
        EXPECT_EQ(cycle.result->errors_up, 0U) << name_of(act);
        of.idle();
        of.expect(3);
    }
    of.want(0);
    of.idle();
    of.expect(0);
    expect_clean(*of.guest);
}

TEST(BalloonMemory, ATargetThatChangesOnTheWayDownIsFollowedAfterwards) {
    BalloonGuest of{with(Bug::none)};
    uint32_t pages = 0;
    for (const HostAct act : kActs) {
        pages = pages == 2 ? 7 : 2;
        const uint32_t before = of.balloon.out();
        bool moved = false;
        of.guest->device("rtc").behaviour.meanwhile = [&](Phase phase) {
            if (phase == Phase::suspend) {
                const model::HostSection host{of.machine};
                of.want(pages);
            }
            of.balloon.pump();
            moved = moved || (phase != Phase::prepare && of.balloon.out() != before);
        };
        ASSERT_TRUE(of.guest->cycle(act).alive()) << name_of(act);
        of.guest->device("rtc").behaviour.meanwhile = nullptr;
        EXPECT_FALSE(moved) << name_of(act);
        of.idle();
        of.expect(pages);
    }
    expect_clean(*of.guest);
}

TEST(BalloonMemory, ARefusedSuspendLeavesItAtWork) {
    BalloonGuest of{with(Bug::none)};
    of.guest->device("vbd-51712").behaviour.refuse = Errc::refused;
    EXPECT_TRUE(of.guest->cycle(HostAct::checkpoint).is(Outcome::aborted));
    of.want(kPages + 100);
    of.idle();
    of.expect(kPages);
    expect_clean(*of.guest);
}

TEST(BalloonMemory, AHostWithoutMemoryIsAskedAgain) {
    BalloonGuest of{with(Bug::none)};
    of.want(5);
    of.idle();
    of.machine.reservation.host_is_full = true;
    of.want(1);
    of.idle();
    of.expect(5);
    EXPECT_GT(of.balloon.refusals(), 0U);
    EXPECT_LT(of.balloon.refusals(), 5U) << "once a second, not in each round";
    EXPECT_TRUE(of.guest->cycle(HostAct::migrate).is(Outcome::resumed));
    of.machine.reservation.host_is_full = false;
    of.idle();
    of.expect(1);
    expect_clean(*of.guest);
}

TEST(BalloonMemory, APageInUseIsNotGivenAndNotCountedAsTheHosts) {
    BalloonGuest of{with(Bug::none)};
    of.load.keeps = true;
    of.want(4);
    of.idle();
    of.expect(0);
    EXPECT_EQ(of.balloon.refusals(), 0U);
    of.load.keeps = false;
    of.idle();
    of.expect(4);
    EXPECT_TRUE(of.guest->cycle(HostAct::slow).is(Outcome::resumed));
    expect_clean(*of.guest);
}

TEST(BalloonMemory, ATargetThatIsNoNumberOrMissingChangesNothing) {
    BalloonGuest of{with(Bug::none)};
    of.want(4);
    of.idle();
    of.machine.store->write("memory/target", "plenty");
    of.idle();
    of.expect(4);
    of.machine.store->remove("memory/target");
    of.idle();
    of.expect(4);
    EXPECT_TRUE(of.guest->cycle(HostAct::checkpoint).is(Outcome::cancelled));
    expect_clean(*of.guest);
}

}  // namespace
}  // namespace resume::scenario
