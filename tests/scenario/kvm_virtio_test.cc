// Reports of virtio devices in guests of KVM's: thaw taken for restore, a network that is not told,
// limits of a host that is left behind.
#include <gtest/gtest.h>

#include <linux/virtio_blk.h>

#include "tests/stress/guest/loaded_virtio.h"

namespace resume::scenario {
namespace {

using model::KvmAct;
using stress::KvmCycle;
using stress::KvmModelledGuest;
using stress::KvmModelledGuestConfig;
using stress::LoadedVirtio;
using stress::LoadedVirtioConfig;

/// A guest with both devices under load, between two hosts.
class VirtioGuest {
  public:
    explicit VirtioGuest(Bugs bugs, LoadedVirtioConfig config = {},
                         const model::HostConfig& other = {.uptime = 5 * model::kSecond})
        : guest_{guest_config(bugs, other)}, loaded_{guest_, with(config, bugs)} {
        EXPECT_EQ(guest_.boot().end, model::GuestEnd::returned);
        EXPECT_TRUE(loaded_.start());
        guest_.idle(model::kSecond);
    }

    KvmCycle cycle(Kind kind, Outcome wanted) { return guest_.cycle(kind, wanted); }
    void happens(KvmAct act) { guest_.happens(act, model::kSecond); }
    void idle(Nanoseconds time) { guest_.idle(time); }
    [[nodiscard]] KvmModelledGuest& guest() { return guest_; }

    std::string complaints() {
        const oracle::Verdict verdict = guest_.verdict();
        std::string text = verdict.inconclusive;
        for (const oracle::Violation& violation : verdict.violations) {
            text += "\n" + violation.id + ": " + violation.detail + " " + violation.device;
        }
        return text;
    }
    void expect_violation(const char* id) {
        EXPECT_TRUE(guest_.verdict().has(id)) << "no " << id << " in:" << complaints();
    }
    /// Both loads go on, everything is as it was written and sent, and the oracle is content.
    void expect_all_well() {
        const uint64_t writes = loaded_.disk_load.writes();
        const uint64_t frames = loaded_.frame_load.came_back();
        idle(3 * model::kSecond);
        EXPECT_GT(loaded_.disk_load.writes(), writes) << "the disk is dead";
        EXPECT_GT(loaded_.frame_load.came_back(), frames) << "the link is dead";
        ASSERT_TRUE(loaded_.settle());
        EXPECT_TRUE(loaded_.disk_load.clean());
        EXPECT_EQ(loaded_.wrong_sectors(), 0U);
        EXPECT_EQ(frame_load.sent(), frame_load.came_back() + frame_load.lost());
        EXPECT_EQ(frame_load.wrong() + frame_load.doubled(), 0U);
        EXPECT_EQ(disk.malformed() + net.malformed(), 0U);
        EXPECT_TRUE(cycle(Kind::s2idle, Outcome::resumed).is(Outcome::resumed));
        EXPECT_EQ(complaints(), "");
    }

  private:
    static KvmModelledGuestConfig guest_config(Bugs bugs, const model::HostConfig& other) {
        KvmModelledGuestConfig config;
        config.machine.vcpus = 2;
        config.machine.hosts = {{}, other};
        config.bugs = bugs;
        return config;
    }
    static LoadedVirtioConfig with(LoadedVirtioConfig config, Bugs bugs) {
        config.bugs = bugs;
        return config;
    }

    KvmModelledGuest guest_;
    LoadedVirtio loaded_;

  public:
    model::VirtioDisk& drive = loaded_.drive;
    model::VirtioNic& nic = loaded_.nic;
    VirtioBlk& disk = loaded_.disk;
    VirtioNet& net = loaded_.net;
    FrameLoad& frame_load = loaded_.frame_load;
};

constexpr std::pair<Kind, Outcome> kThaws[] = {
    {Kind::s3, Outcome::cancelled},         // the firmware does not sleep
    {Kind::hibernate, Outcome::cancelled},  // the image cannot be written
    {Kind::s3, Outcome::aborted},
    {Kind::s2idle, Outcome::aborted},
};

// 35: thaw and restore are one callback, so a device that lost nothing is set up anew.
TEST(KvmVirtio, F35AThawIsTakenForARestore) {
    for (const auto& [kind, outcome] : kThaws) {
        VirtioGuest guest{Bug::thaw_as_restore};
        guest.cycle(kind, outcome);
        guest.expect_violation("L6");
    }
}

TEST(KvmVirtio, F35AThawLeavesTheRingsAsTheyWere) {
    VirtioGuest guest{{}};
    for (const auto& [kind, outcome] : kThaws) {
        EXPECT_TRUE(guest.cycle(kind, outcome).is(outcome)) << name_of(kind);
    }
    EXPECT_TRUE(guest.cycle(Kind::s2idle, Outcome::resumed).is(Outcome::resumed));
    EXPECT_EQ(guest.disk.replayed(), 0U);
    EXPECT_EQ(guest.net.counters().connections, 1U);
    EXPECT_EQ(guest.net.counters().lost, 0U);
    guest.expect_all_well();
}

// Restore: whatever the reset left unanswered is sent again, and nothing is done twice.
TEST(KvmVirtio, ARestoreReplaysWhatWasUnderWay) {
    for (const Nanoseconds reset_time : {Nanoseconds{0}, 3 * model::kMillisecond}) {
        LoadedVirtioConfig config;
        config.disk.reset_time = config.nic.reset_time = reset_time;
        config.disk.service = 20 * model::kMillisecond;
        VirtioGuest guest{{}, config};
        for (const Kind kind : {Kind::s3, Kind::hibernate, Kind::s3, Kind::hibernate}) {
            EXPECT_TRUE(guest.cycle(kind, Outcome::resumed).is(Outcome::resumed));
            guest.idle(100 * model::kMillisecond);
        }
        EXPECT_GT(guest.drive.unanswered(), 0U);
        EXPECT_GT(guest.disk.replayed(), 0U);
        EXPECT_EQ(guest.net.counters().connections, 5U);
        guest.expect_all_well();
    }
}

/// The next host's disk takes fewer segments and has no write-back cache to flush.
model::HostConfig fewer_features() {
    model::HostConfig host;
    host.virtio_features = ~(uint64_t{1} << VIRTIO_BLK_F_FLUSH);
    return host;
}

// 20, of virtio: the limits and features of the host before are used on one that has fewer.
TEST(KvmVirtio, F20AHostWithFewerFeaturesIsAskedForThoseOfBefore) {
    VirtioGuest guest{Bug::limits_kept, {}, fewer_features()};
    guest.cycle(Kind::hibernate, Outcome::resumed);
    guest.expect_violation("L16");
}

TEST(KvmVirtio, F20FeaturesAreAgreedOnAnewAfterARestore) {
    VirtioGuest guest{{}, {}, fewer_features()};
    EXPECT_TRUE(guest.disk.info().flush);
    guest.drive.disk.segments = 2;
    EXPECT_TRUE(guest.cycle(Kind::hibernate, Outcome::resumed).is(Outcome::resumed));
    EXPECT_FALSE(guest.disk.info().flush);
    EXPECT_EQ(guest.disk.info().segments, 2U);
    guest.expect_all_well();
}

// 36: after a migration nobody says where the guest is.
TEST(KvmVirtio, F36TheNetworkIsNotToldAfterAMigration) {
    VirtioGuest guest{Bug::not_announced};
    guest.happens(KvmAct::migrate);
    guest.cycle(Kind::s2idle, Outcome::resumed);
    guest.expect_violation("L20");
}

// 36: it is told, and the host never hears that it was.
TEST(KvmVirtio, F36TheAnnouncementIsNotAcked) {
    VirtioGuest guest{Bug::announce_not_acked};
    guest.happens(KvmAct::migrate);
    guest.cycle(Kind::s2idle, Outcome::resumed);
    EXPECT_TRUE(guest.nic.wants_announcement());
    guest.expect_violation("L20");
}

TEST(KvmVirtio, F36EachMigrationIsAnnouncedAndAcked) {
    VirtioGuest guest{{}};
    const uint64_t before = guest.nic.announcements();
    for (uint64_t i = 1; i <= 5; ++i) {
        guest.happens(KvmAct::migrate);
        EXPECT_EQ(guest.nic.acks(), i);
        EXPECT_EQ(guest.nic.announcements(), before + i);
        EXPECT_FALSE(guest.nic.wants_announcement());
    }
    EXPECT_EQ(guest.net.counters().connections, 1U) << "a migration is no restore";
    guest.expect_all_well();
}

// The host has no such wish: it announces the guest itself, and the guest is asked for nothing.
TEST(KvmVirtio, F36AHostThatAnnouncesTheGuestItself) {
    LoadedVirtioConfig config;
    config.nic.announces = false;
    VirtioGuest guest{{}, config};
    guest.happens(KvmAct::migrate);
    EXPECT_EQ(guest.nic.acks(), 0U);
    EXPECT_TRUE(guest.cycle(Kind::s3, Outcome::resumed).is(Outcome::resumed));
    guest.expect_all_well();
}

// A snapshot that is restored twice, and a clone: the devices lost nothing and go on.
TEST(KvmVirtio, DevicesGoOnInASnapshotThatIsRestoredTwice) {
    VirtioGuest guest{{}};
    for (const KvmAct act : {KvmAct::snapshot, KvmAct::snapshot, KvmAct::clone, KvmAct::pause,
                             KvmAct::migrate_fails}) {
        guest.happens(act);
    }
    EXPECT_EQ(guest.disk.replayed(), 0U);
    EXPECT_EQ(guest.guest().guest().generation().reseeds(), 3U);
    guest.expect_all_well();
}

// A link that is down takes no frame, and one that comes up again goes on.
TEST(KvmVirtio, ALinkThatIsDownTakesNoFrame) {
    VirtioGuest guest{{}};
    guest.nic.set_link(false);
    guest.idle(100 * model::kMillisecond);
    const char frame[kFrameMax] = {};
    Errc said = Errc::none;
    guest.guest().run([&] {
        const Result<> sent = guest.net.send(frame, sizeof frame);
        said = sent.ok() ? Errc::none : sent.error().code;
    });
    EXPECT_EQ(said, Errc::busy);
    guest.nic.set_link(true);
    guest.expect_all_well();
}

}  // namespace
}  // namespace resume::scenario
