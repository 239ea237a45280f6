// 43: the toolstack takes a device away, gives it, or puts another in its place, while the guest is
// down or coming up. What was under way ends with a word, and the device that is there afterwards
// is found, wherever its backend runs now.
#include "tests/scenario/disk_guest.h"
#include "tests/scenario/net_guest.h"

namespace resume::scenario {
namespace {

constexpr DomId kElsewhere = 3;

/// In the middle of the time that the guest is away.
template <class Guest>
void while_down(Guest& guest, std::function<void()> act) {
    guest.machine().toolstack.save_time = 2 * model::kSecond;
    guest.machine().clock.after(model::kSecond, std::move(act));
}

/// Whatever ended with `gone` is begun anew; the disk must take it.
void expect_disk_works(DiskGuest& guest) {
    guest.idle(model::kSecond);
    EXPECT_TRUE(guest.disk.connected());
    EXPECT_EQ(guest.load.under_way(), 0U) << "a request of before never ended";
    const uint64_t failed = guest.load.failed();
    const uint64_t written = guest.load.writes();
    guest.run([&] { guest.load.start(); });
    guest.idle(100 * model::kMillisecond);
    EXPECT_GT(guest.load.writes(), written + DiskGuest::kLanes) << "the disk is dead";
    EXPECT_TRUE(guest.settle());
    EXPECT_EQ(guest.load.failed(), failed);
    EXPECT_EQ(guest.load.mismatches() + guest.load.doubled(), 0U);
    EXPECT_EQ(guest.disk.malformed() + guest.disk.leaked_grants(), 0U);
    guest.cycle(HostAct::checkpoint);
    expect_clean(guest.guest());
}

TEST(Replaced, F43ADiskThatIsReplacedWhileTheGuestIsDownIsFoundAnew) {
    for (const DomId domid : {DomId{0}, kElsewhere}) {
        for (const HostAct act : {HostAct::checkpoint, HostAct::migrate_fails_late}) {
            DiskGuest guest{with(Bug::none)};
            while_down(guest, [&] { guest.backend.replace(domid); });
            const Cycle cycle = guest.cycle(act);
            ASSERT_TRUE(cycle.is(Outcome::cancelled)) << cycle.run.reason;
            EXPECT_EQ(cycle.result->errors_up, 0U);
            expect_disk_works(guest);
            EXPECT_EQ(guest.backend.connects(), 2U);
        }
    }
}

TEST(Replaced, F43ADiskThatIsReplacedWhileTheGuestComesUpIsFoundAnew) {
    for (const HostAct act : {HostAct::save_restore, HostAct::migrate, HostAct::in_place}) {
        // The backend that stays answers at once, a new one takes its time.
        const bool stays = act == HostAct::in_place;
        const Nanoseconds middle = stays ? 400 * model::kMicrosecond : 70 * model::kMillisecond;
        for (const Nanoseconds after : {Nanoseconds{0}, middle}) {
            SCOPED_TRACE(std::string{name_of(act)} + " after ns " + std::to_string(after));
            DiskGuest guest{with(Bug::none)};
            guest.backend.config.latency = 50 * model::kMillisecond;
            guest.backend.replugs = !stays;
            guest.machine().toolstack.finished = [&](const model::Errand&) {
                guest.machine().clock.after(after, [&] { guest.backend.replace(kElsewhere); });
            };
            const Cycle cycle = guest.cycle(act);
            ASSERT_TRUE(cycle.is(Outcome::resumed)) << cycle.run.reason;
            EXPECT_EQ(cycle.result->errors_up, 0U);
            guest.machine().toolstack.finished = nullptr;
            guest.idle(model::kSecond);
            guest.expect_all_well();
        }
    }
}

TEST(Replaced, F43ADiskThatComesAfterTheRestoreIsTakenUp) {
    DiskGuest guest{with(Bug::none)};
    guest.backend.stays_behind = true;
    EXPECT_EQ(guest.cycle(HostAct::migrate).result->errors_up, 1U);
    EXPECT_TRUE(guest.disk.gone());
    EXPECT_TRUE(guest.cycle(HostAct::checkpoint).is(Outcome::cancelled));
    guest.backend.config.domid = kElsewhere;
    guest.backend.plug();
    expect_disk_works(guest);
}

// Found by stress: a reset in place keeps our nodes, and what they name may not be looked into.
TEST(Replaced, F43ADiskThatIsGoneWhileItsNodesStayIsNotAskedForWithoutEnd) {
    DiskGuest guest{with(Bug::none)};
    guest.backend.config.domid = kElsewhere;
    ASSERT_TRUE(guest.cycle(HostAct::in_place).is(Outcome::resumed));
    guest.idle(model::kSecond);
    guest.backend.stays_behind = true;
    guest.cycle(HostAct::in_place);
    guest.idle(model::kSecond);
    EXPECT_TRUE(guest.disk.gone());
    const uint64_t requests = guest.machine().store_ring.requests();
    guest.idle(10 * model::kSecond);
    EXPECT_LT(guest.machine().store_ring.requests() - requests, 100U);
}

// The slot is there and nothing in it; the disk comes while the guest is down.
TEST(Replaced, ADiskThatIsAddedWhileTheGuestIsDownIsTakenUp) {
    for (const HostAct act : {HostAct::checkpoint, HostAct::slow, HostAct::save_restore}) {
        DiskGuest guest{with(Bug::none)};
        guest.run([&] { guest.load.stop(); });
        ASSERT_TRUE(guest.settle());
        guest.backend.vanish();
        guest.idle(model::kSecond);
        EXPECT_FALSE(guest.disk.connected());
        while_down(guest, [&] { guest.backend.replace(kElsewhere); });
        const Cycle cycle = guest.cycle(act);
        ASSERT_TRUE(cycle.alive()) << cycle.run.reason;
        EXPECT_EQ(cycle.result->errors_up, 0U) << name_of(act);
        guest.machine().toolstack.save_time = model::kMillisecond;
        expect_disk_works(guest);
    }
}

TEST(Replaced, F43ADiskThatVanishesInMidCycleEndsItsRequestsAndHangsNobody) {
    DiskGuest guest{with(Bug::none)};
    while_down(guest, [&] { guest.backend.vanish(); });
    EXPECT_TRUE(guest.cycle(HostAct::checkpoint).is(Outcome::cancelled));
    EXPECT_TRUE(guest.settle());
    EXPECT_FALSE(guest.disk.connected());
    EXPECT_EQ(guest.guest().guest().grants().in_use(), 0U);
    EXPECT_FALSE(guest.machine().store->read("device/vbd/51712/state").has_value())
        << "it spoke to a device that is not there";
    EXPECT_TRUE(guest.cycle(HostAct::save_restore).alive());
    expect_clean(guest.guest());
}

TEST(Replaced, AnInterfaceThatIsReplacedInMidCycleIsFoundAnewAndAnnounced) {
    for (const HostAct act : {HostAct::checkpoint, HostAct::fast, HostAct::migrate_fails_late}) {
        NetGuest guest{with(Bug::none)};
        guest.machine().toolstack.save_time = 2 * model::kSecond;
        guest.machine().toolstack.poll_time = 2 * model::kSecond;
        guest.machine().clock.after(model::kSecond, [&] { guest.backend.replace(kElsewhere); });
        const Cycle cycle = guest.cycle(act);
        ASSERT_TRUE(cycle.is(Outcome::cancelled)) << cycle.run.reason;
        guest.idle(model::kSecond);
        EXPECT_TRUE(guest.net.connected());
        EXPECT_EQ(guest.net.counters().connections, 2U);
        EXPECT_EQ(guest.net.counters().announced, 2U);
        guest.expect_all_well();
    }
}

TEST(Replaced, AnInterfaceThatComesAfterTheRestoreIsTakenUp) {
    NetGuest guest{with(Bug::none)};
    guest.backend.stays_behind = true;
    EXPECT_EQ(guest.cycle(HostAct::migrate).result->errors_up, 1U);
    EXPECT_TRUE(guest.net.gone());
    guest.backend.stays_behind = false;
    guest.backend.plug();
    guest.idle(model::kSecond);
    EXPECT_TRUE(guest.net.connected());
    guest.expect_all_well();
}

}  // namespace
}  // namespace resume::scenario
