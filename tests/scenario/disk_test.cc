// Reports about disks: failures 18, 19, 20, 43 and 53; and backends that are slow, gone, smaller or
// moved. The guest is under load in each of them, with requests under way when it goes down.
#include "tests/scenario/disk_guest.h"

namespace resume::scenario {
namespace {

constexpr HostAct kEveryReturn[] = {
    HostAct::checkpoint, HostAct::save_restore,       HostAct::slow, HostAct::in_place,
    HostAct::migrate,    HostAct::migrate_fails_late, HostAct::fast};

// 18: a request that had to be split is completed twice on resume, once for each half.
TEST(Disk, F18ASplitRequestIsCompletedTwice) {
    DiskGuest guest{with(Bug::split_completed_twice)};
    for (int i = 0; i < 8 && guest.load.doubled() == 0; ++i) {
        guest.cycle(HostAct::save_restore);
    }
    EXPECT_GT(guest.load.doubled(), 0U);
    expect_violation(guest.guest(), "L15");
}

TEST(Disk, F18ASplitRequestIsReplayedWholeAndCompletedOnce) {
    DiskGuest guest{with(Bug::none)};
    for (int i = 0; i < 8; ++i) {
        EXPECT_TRUE(guest.cycle(HostAct::save_restore).is(Outcome::resumed));
    }
    EXPECT_GT(guest.disk.replayed(), 0U) << "nothing was under way: the load is too light";
    guest.expect_all_well();
}

// 19: a disk of several queues loses what was under way on all but the first.
TEST(Disk, F19OnlyTheFirstQueuesRequestsAreKept) {
    DiskGuest guest{with(Bug::first_queue_only), a_disk(2)};
    for (int i = 0; i < 4; ++i) {
        guest.cycle(HostAct::save_restore);
    }
    EXPECT_FALSE(guest.settle());
    guest.cycle(HostAct::checkpoint);  // what is lost is old by now: the oracle looks at an event
    expect_violation(guest.guest(), "L15");
}

TEST(Disk, F19WhatWasUnderWayOnEveryQueueCompletes) {
    DiskGuest guest{with(Bug::none), a_disk(2)};
    EXPECT_EQ(guest.disk.info().queues, 2U);
    for (int i = 0; i < 4; ++i) {
        EXPECT_TRUE(guest.cycle(HostAct::migrate).is(Outcome::resumed));
    }
    guest.expect_all_well();
}

// 20: a host that takes fewer segments in a request is sent requests of the old host's size.
TEST(Disk, F20TheOldHostsLimitIsAppliedOnTheNewOne) {
    DiskGuest guest{with(Bug::limits_kept), a_disk(1, 64)};
    guest.backend.disk.indirect_segments = 0;
    guest.cycle(HostAct::migrate);
    guest.idle(model::kSecond);
    expect_violation(guest.guest(), "L16");
}

TEST(Disk, F20LimitsAreReadAgainAndMayBeSmaller) {
    model::BlkbackConfig large = a_disk(2, 64);
    large.persistent = true;
    DiskGuest guest{with(Bug::none), large};
    EXPECT_EQ(guest.disk.info().segments, kBlockSegments);
    guest.backend.disk = a_disk(1, 0);
    guest.backend.disk.flush = false;
    EXPECT_TRUE(guest.cycle(HostAct::migrate).is(Outcome::resumed));
    EXPECT_EQ(guest.disk.info().segments, BLKIF_MAX_SEGMENTS_PER_REQUEST);
    EXPECT_EQ(guest.disk.info().queues, 1U);
    EXPECT_FALSE(guest.disk.info().persistent);
    EXPECT_FALSE(guest.disk.info().flush);
    guest.backend.disk = large;
    EXPECT_TRUE(guest.cycle(HostAct::migrate).is(Outcome::resumed));
    EXPECT_TRUE(guest.disk.info().persistent);
    guest.expect_all_well();
}

void refuse_once(DiskGuest& guest, Phase phase) {
    auto& rtc = guest.guest().device("rtc");
    rtc.behaviour.refuse = Errc::refused;
    rtc.behaviour.refuse_in = phase;
    EXPECT_TRUE(guest.cycle(HostAct::checkpoint).is(Outcome::aborted));
    rtc.behaviour.refuse = Errc::none;
}

// 53: Linux 6.1: a device refuses, the others are told "restored"; the disk writes a new ring that
// its backend does not look at: both sides say Connected, and all I/O hangs for ever.
TEST(Disk, F53ARefusedSuspendKillsTheDiskForEver) {
    DiskGuest guest{with(Bug::abort_as_restore)};
    refuse_once(guest, Phase::suspend_noirq);
    guest.idle(model::kSecond);
    EXPECT_EQ(guest.backend.state(), XenbusStateConnected);
    EXPECT_EQ(guest.machine().store->read("device/vbd/51712/state"), "4");
    const uint64_t served = guest.backend.served();
    EXPECT_FALSE(guest.settle());
    EXPECT_EQ(guest.backend.served(), served);
    guest.cycle(HostAct::checkpoint);
    expect_violation(guest.guest(), "L6");
    expect_violation(guest.guest(), "L15");
}

TEST(Disk, F53ARefusedSuspendIsUndoneExactly) {
    DiskGuest guest{with(Bug::none)};
    const uint32_t connects = guest.backend.connects();
    for (const Phase phase :
         {Phase::prepare, Phase::suspend, Phase::suspend_late, Phase::suspend_noirq}) {
        refuse_once(guest, phase);
    }
    EXPECT_EQ(guest.backend.connects(), connects);
    EXPECT_EQ(guest.disk.replayed(), 0U);
    guest.expect_all_well();
}

TEST(Disk, KeepsEachRequestOverEveryWayOfComingBack) {
    for (const bool persistent : {false, true}) {
        for (uint64_t seed = 1; seed <= 4; ++seed) {
            model::BlkbackConfig backing = a_disk(2, seed % 2 == 0 ? 16 : 0);
            backing.persistent = persistent;
            ModelledGuestConfig config = with(Bug::none, 2);
            config.machine.seed = seed;
            DiskGuest guest{config, backing, seed};
            for (const HostAct act : kEveryReturn) {
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

TEST(Disk, ACancelledSuspendLeavesTheRingsAlone) {
    DiskGuest guest{with(Bug::none)};
    const uint32_t connects = guest.backend.connects();
    for (const HostAct act : {HostAct::checkpoint, HostAct::fast, HostAct::slow}) {
        guest.cycle(act);
    }
    EXPECT_EQ(guest.backend.connects(), connects);
    EXPECT_EQ(guest.disk.replayed(), 0U);
    guest.expect_all_well();
}

TEST(Disk, ADiskThatIsLetGoOfLeavesNothingBehind) {
    DiskGuest guest{with(Bug::none)};
    guest.run([&] {
        guest.load.stop();
        guest.disk.stop();
    });
    EXPECT_TRUE(guest.load.idle()) << "whoever waits hears that it is gone";
    guest.idle(model::kSecond);
    EXPECT_EQ(guest.backend.state(), XenbusStateClosed);
    EXPECT_EQ(guest.disk.leaked_grants(), 0U);
    EXPECT_EQ(guest.guest().guest().grants().in_use(), 0U);
    EXPECT_TRUE(guest.cycle(HostAct::checkpoint).is(Outcome::cancelled));
    expect_clean(guest.guest());
}

// A slow backend: the cycle says who was late, and the load goes on when it comes.
TEST(Disk, ASlowBackendIsNamedAndTheLoadGoesOnWhenItComes) {
    DiskGuest guest{with(Bug::none)};
    guest.backend.config.latency = 12 * model::kSecond;
    const Cycle cycle = guest.cycle(HostAct::save_restore);
    ASSERT_TRUE(cycle.is(Outcome::resumed)) << cycle.run.reason;
    EXPECT_EQ(cycle.result->errors_up, 1U);
    EXPECT_FALSE(guest.disk.connected());
    for (int second = 0; second < 60 && !guest.disk.connected(); ++second) {
        guest.idle(model::kSecond);
    }
    EXPECT_TRUE(guest.disk.connected());
    guest.expect_all_well();
}

TEST(Disk, ABackendInAnotherDomainIsFoundThere) {
    DiskGuest guest{with(Bug::none)};
    guest.backend.config.domid = 3;
    EXPECT_TRUE(guest.cycle(HostAct::migrate).is(Outcome::resumed));
    guest.expect_all_well();
}

// 43: a device that the toolstack took away while the guest was gone.
TEST(Disk, F43ADiskThatStayedBehindEndsItsRequestsAndHangsNobody) {
    DiskGuest guest{with(Bug::none)};
    guest.backend.stays_behind = true;
    const Cycle cycle = guest.cycle(HostAct::migrate);
    ASSERT_TRUE(cycle.is(Outcome::resumed)) << cycle.run.reason;
    EXPECT_EQ(cycle.result->errors_up, 1U);
    EXPECT_TRUE(guest.disk.gone());
    EXPECT_TRUE(guest.settle());
    EXPECT_TRUE(guest.cycle(HostAct::checkpoint).is(Outcome::cancelled));
    expect_clean(guest.guest());
}

// 43: unplugged in mid-cycle: noticed at once, taken apart when the cycle is over.
TEST(Disk, F43ADiskUnpluggedInMidCycleIsTakenApartAfterIt) {
    DiskGuest guest{with(Bug::none)};
    guest.machine().toolstack.save_time = 2 * model::kSecond;
    guest.machine().clock.after(model::kSecond, [&] { guest.backend.unplug(); });
    EXPECT_TRUE(guest.cycle(HostAct::checkpoint).is(Outcome::cancelled));
    EXPECT_TRUE(guest.settle());
    guest.idle(model::kSecond);
    EXPECT_EQ(guest.backend.state(), XenbusStateClosed);
    EXPECT_EQ(guest.guest().guest().grants().in_use(), 0U);
    expect_clean(guest.guest());
}

// An in-place restore by a toolstack that writes no new nodes: the backend still says Connected, to
// rings that are gone. It is asked to let go first.
TEST(Disk, ABackendThatStillHoldsTheOldRingsIsAskedToLetGo) {
    DiskGuest guest{with(Bug::none)};
    guest.backend.replugs = false;
    const Cycle cycle = guest.cycle(HostAct::in_place);
    ASSERT_TRUE(cycle.is(Outcome::resumed)) << cycle.run.reason;
    EXPECT_EQ(cycle.result->errors_up, 0U);
    EXPECT_EQ(guest.backend.connects(), 2U);
    guest.expect_all_well();
}

// Any of the writes to the store that a connection is made with is refused: rings that the backend
// may have mapped stay its own until it lets go of them, and the disk is connected again.
TEST(Disk, AWriteThatTheStoreRefusesLosesNeitherGrantsNorTheDisk) {
    for (uint32_t skip = 0; skip < 9; ++skip) {
        SCOPED_TRACE(skip);
        DiskGuest guest{with(Bug::none)};
        refuse_writes(guest.machine(), skip, 1);
        const Cycle cycle = guest.cycle(HostAct::save_restore);
        ASSERT_TRUE(cycle.is(Outcome::resumed)) << cycle.run.reason;
        guest.idle(model::kSecond);
        EXPECT_TRUE(guest.disk.connected());
        guest.expect_all_well();
    }
}

// A store that refuses each write: the disk is given up, and whoever waits for it hears so.
TEST(Disk, AStoreThatRefusesEachWriteIsNotAskedForEver) {
    DiskGuest guest{with(Bug::none)};
    constexpr uint32_t kOfTheHandshake = 1;
    refuse_writes(guest.machine(), kOfTheHandshake, 1000);
    const Cycle cycle = guest.cycle(HostAct::save_restore);
    ASSERT_TRUE(cycle.is(Outcome::resumed)) << cycle.run.reason;
    EXPECT_TRUE(guest.settle());
    EXPECT_FALSE(guest.disk.connected());
    EXPECT_EQ(guest.disk.leaked_grants(), 0U);
    guest.machine().faults.clear();
    EXPECT_TRUE(guest.cycle(HostAct::save_restore).is(Outcome::resumed));
    EXPECT_TRUE(guest.disk.connected());
}

}  // namespace
}  // namespace resume::scenario
