// Reports about network interfaces: failures 15, 16, 17 and 36; and backends that are slow, gone,
// smaller or moved. Frames are on their way in each of them when the guest goes down.
#include "tests/scenario/net_guest.h"

namespace resume::scenario {
namespace {

constexpr HostAct kSameDomain[] = {HostAct::checkpoint, HostAct::slow, HostAct::fast,
                                   HostAct::migrate_fails_late};
constexpr HostAct kNewDomain[] = {HostAct::save_restore, HostAct::in_place, HostAct::migrate};

// 15: frames are sent while a resume takes the rings away (Linux: an oops in the transmit path).
TEST(Net, F15FramesAreSentWhileTheirRingsGo) {
    NetGuest guest{with(Bug::send_while_resuming)};
    guest.cycle(HostAct::migrate);
    expect_violation(guest.guest(), "L17");
}

TEST(Net, F15TheRingsAreLetGoOfBeforeTheyGo) {
    NetGuest guest{with(Bug::none)};
    for (const HostAct act : kNewDomain) {
        EXPECT_TRUE(guest.cycle(act).is(Outcome::resumed)) << name_of(act);
        guest.idle(100 * model::kMillisecond);
    }
    guest.expect_all_well();
}

// 16: a poll that was due before the suspend looks into a ring that is gone.
TEST(Net, F16APollFindsAClearedRing) {
    NetGuest guest{with(Bug::poll_on_cleared_ring)};
    guest.cycle(HostAct::migrate);
    expect_violation(guest.guest(), "L17");
}

TEST(Net, F16NobodyPollsBetweenTheRings) {
    NetGuest guest{with(Bug::none)};
    guest.backend.config.latency = 12 * model::kSecond;  // for a long time there are none
    const Cycle cycle = guest.cycle(HostAct::migrate);
    ASSERT_TRUE(cycle.is(Outcome::resumed)) << cycle.run.reason;
    EXPECT_EQ(cycle.result->errors_up, 1U) << "who is late is named";
    for (int second = 0; second < 60 && !guest.net.connected(); ++second) {
        guest.idle(model::kSecond);
    }
    EXPECT_TRUE(guest.net.connected());
    guest.expect_all_well();
}

// 17: an interface that is removed after a resume, before it is connected again (XSA-465).
TEST(Net, F17TheRemovalNeedsWhatTheResumeHasEnded) {
    NetGuest guest{with(Bug::remove_needs_queues)};
    guest.backend.config.waits_for_frontend = false;
    guest.cycle(HostAct::migrate);
    guest.remove();
    EXPECT_FALSE(guest.machine().alive());
    expect_violation(guest.guest(), "L17");
}

TEST(Net, F17ItCanBeRemovedAtAnyTime) {
    NetGuest guest{with(Bug::none)};
    guest.backend.config.waits_for_frontend = false;
    EXPECT_TRUE(guest.cycle(HostAct::migrate).is(Outcome::resumed));
    EXPECT_FALSE(guest.net.connected());
    guest.remove();
    EXPECT_EQ(guest.guest().guest().grants().in_use(), 0U);
    EXPECT_TRUE(guest.cycle(HostAct::checkpoint).is(Outcome::cancelled));
    expect_clean(guest.guest());
}

// 36: nobody tells the network where the guest is now: frames go to the old host for 20 s.
TEST(Net, F36TheNetworkIsNotTold) {
    NetGuest guest{with(Bug::not_announced)};
    guest.cycle(HostAct::migrate);
    guest.cycle(HostAct::checkpoint);
    EXPECT_EQ(guest.backend.announcements(), 0U);
    expect_violation(guest.guest(), "L20");
}

TEST(Net, F36TheNetworkIsToldOnceAfterEachNewPlaceAndNeverElse) {
    NetGuest guest{with(Bug::none)};
    uint64_t told = guest.backend.announcements();
    for (const HostAct act : kNewDomain) {
        guest.cycle(act);
        guest.idle(100 * model::kMillisecond);
        EXPECT_EQ(guest.backend.announcements(), ++told) << name_of(act);
    }
    for (const HostAct act : kSameDomain) {
        guest.cycle(act);
        guest.idle(100 * model::kMillisecond);
        EXPECT_EQ(guest.backend.announcements(), told) << name_of(act);
    }
    guest.expect_all_well();
}

TEST(Net, ACancelledOrRefusedSuspendLosesNoFrame) {
    NetGuest guest{with(Bug::none)};
    const uint32_t connects = guest.backend.connects();
    for (const HostAct act : kSameDomain) {
        guest.cycle(act);
        guest.idle(100 * model::kMillisecond);
    }
    auto& rtc = guest.guest().device("rtc");
    rtc.behaviour.refuse = Errc::refused;
    rtc.behaviour.refuse_in = Phase::suspend_noirq;
    EXPECT_TRUE(guest.cycle(HostAct::checkpoint).is(Outcome::aborted));
    rtc.behaviour.refuse = Errc::none;
    guest.idle(100 * model::kMillisecond);
    EXPECT_EQ(guest.backend.connects(), connects);
    EXPECT_EQ(guest.net.counters().lost, 0U);
    guest.expect_all_well();
}

TEST(Net, EveryWayOfComingBackWithOneQueueAndWithTwo) {
    for (const uint32_t queues : {1U, 2U}) {
        for (uint64_t seed = 1; seed <= 4; ++seed) {
            ModelledGuestConfig config = with(Bug::none, 2);
            config.machine.seed = seed;
            NetGuest guest{config, an_interface(queues), seed};
            EXPECT_EQ(guest.net.queues(), queues);
            for (const HostAct act : {HostAct::checkpoint, HostAct::save_restore, HostAct::slow,
                                      HostAct::in_place, HostAct::migrate, HostAct::fast}) {
                const Cycle cycle = guest.cycle(act);
                ASSERT_TRUE(cycle.alive()) << cycle.run.reason;
                ASSERT_TRUE(cycle.result) << name_of(act);
                EXPECT_EQ(cycle.result->errors_up, 0U) << name_of(act);
                guest.idle(10 * model::kMillisecond);
            }
            guest.expect_all_well();
        }
    }
}

TEST(Net, AHostWithFewerQueuesAndABackendInAnotherDomain) {
    NetGuest guest{with(Bug::none), an_interface(2)};
    guest.backend.net.queues = 1;
    guest.backend.config.domid = 3;
    EXPECT_TRUE(guest.cycle(HostAct::migrate).is(Outcome::resumed));
    EXPECT_EQ(guest.net.queues(), 1U);
    guest.expect_all_well();
}

TEST(Net, AnInterfaceThatIsLetGoOfLeavesNothingBehind) {
    NetGuest guest{with(Bug::none)};
    guest.remove();
    guest.idle(model::kSecond);
    EXPECT_EQ(guest.backend.state(), XenbusStateClosed);
    EXPECT_EQ(guest.net.leaked_grants(), 0U);
    EXPECT_EQ(guest.guest().guest().grants().in_use(), 0U);
    EXPECT_TRUE(guest.cycle(HostAct::checkpoint).is(Outcome::cancelled));
    expect_clean(guest.guest());
}

TEST(Net, AnInterfaceThatStayedBehindHangsNobody) {
    NetGuest guest{with(Bug::none)};
    guest.backend.stays_behind = true;
    const Cycle cycle = guest.cycle(HostAct::migrate);
    ASSERT_TRUE(cycle.is(Outcome::resumed)) << cycle.run.reason;
    EXPECT_EQ(cycle.result->errors_up, 1U);
    EXPECT_TRUE(guest.net.gone());
    EXPECT_EQ(guest.net.send("0123456789abcdef", 16).error().code, Errc::gone);
    expect_clean(guest.guest());
}

TEST(Net, AnInterfaceUnpluggedInMidCycleIsTakenApartAfterIt) {
    NetGuest guest{with(Bug::none)};
    guest.machine().toolstack.save_time = 2 * model::kSecond;
    guest.machine().clock.after(model::kSecond, [&] { guest.backend.unplug(); });
    EXPECT_TRUE(guest.cycle(HostAct::checkpoint).is(Outcome::cancelled));
    guest.idle(model::kSecond);
    EXPECT_EQ(guest.backend.state(), XenbusStateClosed);
    EXPECT_EQ(guest.guest().guest().grants().in_use(), 0U);
    expect_clean(guest.guest());
}

TEST(Net, ABackendThatStillHoldsTheOldRingsIsAskedToLetGo) {
    NetGuest guest{with(Bug::none)};
    guest.backend.replugs = false;
    const Cycle cycle = guest.cycle(HostAct::in_place);
    ASSERT_TRUE(cycle.is(Outcome::resumed)) << cycle.run.reason;
    EXPECT_EQ(cycle.result->errors_up, 0U);
    EXPECT_EQ(guest.backend.connects(), 2U);
    guest.expect_all_well();
}

// As of disks (disk_test.cc).
TEST(Net, AWriteThatTheStoreRefusesLosesNeitherGrantsNorTheInterface) {
    for (uint32_t skip = 0; skip < 9; ++skip) {
        SCOPED_TRACE(skip);
        NetGuest guest{with(Bug::none)};
        refuse_writes(guest.machine(), skip, 1);
        const Cycle cycle = guest.cycle(HostAct::save_restore);
        ASSERT_TRUE(cycle.is(Outcome::resumed)) << cycle.run.reason;
        guest.idle(model::kSecond);
        EXPECT_TRUE(guest.net.connected());
        guest.expect_all_well();
    }
}

}  // namespace
}  // namespace resume::scenario
