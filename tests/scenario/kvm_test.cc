// Reports of guests of KVM's: clocks and counters after a migration that nobody announced, a
// generation taken for the same or for another, wake-ups, firmware that does not sleep.
#include <gtest/gtest.h>

#include "tests/stress/guest/kvm_modelled_guest.h"

namespace resume::scenario {
namespace {

using model::KvmAct;
using stress::KvmCycle;
using stress::KvmModelledGuest;
using stress::KvmModelledGuestConfig;

/// Away to a host that started a moment ago, with another TSC, and back.
KvmModelledGuestConfig two_hosts(Bugs bugs, uint32_t vcpus = 2) {
    KvmModelledGuestConfig config;
    config.bugs = bugs;
    config.machine.vcpus = vcpus;
    config.machine.hosts = {{.tsc_emulated = false},
                            {.uptime = 5 * model::kSecond,
                             .tsc_hz = 1'400'000'000,
                             .tsc_start = 9'000'000,
                             .tsc_emulated = false}};
    return config;
}

std::unique_ptr<KvmModelledGuest> guest_up(const KvmModelledGuestConfig& config) {
    auto guest = std::make_unique<KvmModelledGuest>(config);
    const model::RunResult up = guest->boot();
    EXPECT_EQ(up.end, model::GuestEnd::returned) << up.reason;
    return guest;
}

std::string complaints(KvmModelledGuest& guest) {
    const oracle::Verdict verdict = guest.verdict();
    std::string text = verdict.inconclusive.empty() ? "" : "inconclusive: " + verdict.inconclusive;
    for (const oracle::Violation& violation : verdict.violations) {
        text += "\n" + violation.id + " in cycle " + std::to_string(violation.cycle) + ": " +
                violation.detail + " " + violation.device;
    }
    return text;
}

void expect_clean(KvmModelledGuest& guest) {
    EXPECT_TRUE(guest.machine().alive()) << guest.machine().death.reason;
    EXPECT_EQ(complaints(guest), "");
    EXPECT_EQ(guest.worst_step_back(), 0U);
    EXPECT_EQ(guest.guest().watchdog().lockups(), 0U);
    EXPECT_LT(std::abs(guest.wall_error_ns()), KvmGuest::kWallBoundNs);
}

void expect_violation(KvmModelledGuest& guest, const char* id) {
    EXPECT_TRUE(guest.verdict().has(id)) << "no " << id << " in:" << complaints(guest);
}

/// A cycle, a migration with what the counters show after it, a cycle.
void migrate_with_counter(KvmModelledGuest& guest) {
    guest.idle(model::kSecond);
    guest.host().add_steal(0, 5 * model::kMillisecond);
    EXPECT_TRUE(guest.cycle(Kind::s2idle, Outcome::resumed).is(Outcome::resumed));
    guest.happens(KvmAct::migrate, model::kSecond);
    EXPECT_TRUE(guest.cycle(Kind::s2idle, Outcome::resumed).is(Outcome::resumed));
}

// 10: 100 % steal for hours: the counter began anew, and the difference is taken without a sign.
TEST(Kvm, F10StolenTimeOfACounterThatBeganAnew) {
    for (const bool bug : {true, false}) {
        KvmModelledGuestConfig config = two_hosts(bug ? Bugs{Bug::steal_taken_as_is} : Bugs{});
        config.machine.hosts[1].steal_counter = 0;
        auto guest = guest_up(config);
        migrate_with_counter(*guest);
        if (bug) {
            expect_violation(*guest, "L14");
        } else {
            expect_clean(*guest);
            EXPECT_GT(guest->guest().steal().restarts(), 0U);
        }
    }
}

// 11: absurd values after a migration: the counter leapt.
TEST(Kvm, F11StolenTimeOfACounterThatLeapt) {
    for (const bool bug : {true, false}) {
        KvmModelledGuestConfig config = two_hosts(bug ? Bugs{Bug::steal_taken_as_is} : Bugs{});
        config.machine.hosts[1].steal_counter = uint64_t{1} << 62;
        auto guest = guest_up(config);
        migrate_with_counter(*guest);
        if (bug) {
            expect_violation(*guest, "L14");
        } else {
            expect_clean(*guest);
            uint64_t stolen = 0;
            guest->run([&] { stolen = guest->guest().steal().stolen(0); });
            EXPECT_EQ(stolen, 5 * model::kMillisecond);
        }
    }
}

// 13: the clock jumps by what the two machines' clocks differ: its offset was not computed anew.
TEST(Kvm, F13TheClockJumpsAfterAnImage) {
    auto guest = guest_up(two_hosts(Bug::clock_offset_kept));
    guest->cycle(Kind::hibernate, Outcome::resumed);
    expect_violation(*guest, "L13");
}

// 14: the guest stands still until its new clock has caught up with the old one.
TEST(Kvm, F14TheClockStandsStillAfterAMigration) {
    KvmModelledGuestConfig config = two_hosts(Bug::clock_guard_kept);
    config.machine.hosts[1].clock_carried = false;
    auto guest = guest_up(config);
    guest->idle(20 * model::kSecond);
    guest->happens(KvmAct::migrate, model::kSecond);
    const uint64_t before = guest->ticks_of(0);
    guest->idle(2 * model::kSecond);
    EXPECT_LT(guest->ticks_of(0) - before, 20U) << "nothing that waits for a time goes on";
    guest->cycle(Kind::s2idle, Outcome::resumed);
    expect_violation(*guest, "L13");
}

// 28: the monitor does not carry the guest's clock, and it is followed, back or ahead.
TEST(Kvm, F28AHostClockThatWasSetAnewIsFollowed) {
    for (const Nanoseconds uptime : {Nanoseconds{0}, 5'000 * model::kSecond}) {
        KvmModelledGuestConfig config = two_hosts(Bug::host_clock_trusted);
        config.machine.hosts[1].clock_carried = false;
        config.machine.hosts[1].uptime = uptime;
        auto guest = guest_up(config);
        guest->idle(20 * model::kSecond);
        guest->cycle(Kind::s2idle, Outcome::resumed);
        guest->happens(KvmAct::migrate, model::kSecond);
        guest->cycle(Kind::s2idle, Outcome::resumed);
        expect_violation(*guest, "L13");
    }
}

TEST(Kvm, F13And14And28TheClockGoesOnWhereItStood) {
    for (const Nanoseconds uptime : {Nanoseconds{0}, 5'000 * model::kSecond}) {
        KvmModelledGuestConfig config = two_hosts({});
        config.machine.hosts[1].clock_carried = false;
        config.machine.hosts[1].uptime = uptime;
        auto guest = guest_up(config);
        guest->idle(20 * model::kSecond);
        for (int i = 0; i < 4; ++i) {
            guest->happens(KvmAct::migrate, model::kSecond);
            const uint64_t before = guest->ticks_of(1);
            guest->idle(2 * model::kSecond);
            EXPECT_GT(guest->ticks_of(1) - before, 150U) << "it ticks on";
            EXPECT_TRUE(guest->cycle(Kind::s3, Outcome::resumed).is(Outcome::resumed));
            EXPECT_TRUE(guest->cycle(Kind::hibernate, Outcome::resumed).is(Outcome::resumed));
        }
        expect_clean(*guest);
    }
}

// 27: soft-lockup storms after a paused machine is resumed: its clock went on, and the host's word
// that it had stopped the guest was not looked at.
TEST(Kvm, F27APausedGuestTakesThePauseForALockup) {
    for (const bool bug : {true, false}) {
        Bugs bugs{Bug::host_clock_trusted};
        KvmModelledGuestConfig config =
            two_hosts(bug ? bugs.with(Bug::stopped_flag_ignored) : bugs);
        config.machine.hosts[0].clock_counts_away = true;
        auto guest = guest_up(config);
        guest->idle(model::kSecond);
        guest->happens(KvmAct::pause, 60 * model::kSecond);
        EXPECT_EQ(guest->guest().watchdog().lockups() != 0, bug);
    }
}

TEST(Kvm, F27APauseIsNoLockup) {
    KvmModelledGuestConfig config = two_hosts({});
    config.machine.hosts[0].clock_counts_away = true;
    auto guest = guest_up(config);
    guest->idle(model::kSecond);
    guest->happens(KvmAct::pause, 60 * model::kSecond);
    expect_clean(*guest);
}

// 29: time runs at the wrong rate: the TSC's changed, and the guest goes on with that of boot.
TEST(Kvm, F29TimeRunsAtTheWrongRate) {
    for (const bool bug : {true, false}) {
        auto guest = guest_up(two_hosts(bug ? Bugs{Bug::boot_rate_clock} : Bugs{}));
        guest->cycle(Kind::s2idle, Outcome::resumed);
        guest->happens(KvmAct::migrate, model::kSecond);
        guest->idle(10 * model::kSecond);
        guest->cycle(Kind::s2idle, Outcome::resumed);
        if (bug) {
            expect_violation(*guest, "L13");
        } else {
            expect_clean(*guest);
        }
    }
}

// 37: clones share the state of their random number generators.
TEST(Kvm, F37AnotherGenerationIsNotLookedFor) {
    auto guest = guest_up(two_hosts(Bug::generation_ignored));
    guest->happens(KvmAct::clone, model::kSecond);
    expect_violation(*guest, "L21");
}

// 37: a mere restore is taken for a clone.
TEST(Kvm, F37EachInterruptionIsTakenForAnotherGeneration) {
    auto guest = guest_up(two_hosts(Bug::reseed_always));
    guest->happens(KvmAct::migrate, model::kSecond);
    expect_violation(*guest, "L21");
}

// 37: a reseed that failed is told as such, and tried again.
TEST(Kvm, F37AReseedThatFailedIsTold) {
    KvmModelledGuestConfig config = two_hosts({});
    config.reseed_fails = true;
    auto guest = guest_up(config);
    guest->happens(KvmAct::snapshot, model::kSecond);
    ASSERT_GT(guest->findings().size(), 1U) << "tried once only";
    EXPECT_EQ(guest->findings().front().reseed, Errc::io);
    EXPECT_EQ(guest->guest().generation().reseeds(), 0U);
    guest->fail_reseeds(false);
    guest->idle(100 * model::kMillisecond);
    EXPECT_EQ(guest->guest().generation().reseeds(), 1U);
    EXPECT_TRUE(guest->verdict().clean()) << "a guest can do no more than try again";
}

TEST(Kvm, F37MigrationSnapshotAndCloneAreToldApart) {
    auto guest = guest_up(two_hosts({}));
    const auto found = [&](KvmAct act) {
        guest->happens(act, model::kSecond);
        EXPECT_EQ(guest->findings().size(), 1U) << name_of(act);
        return guest->findings().empty() ? Finding{} : guest->findings().front();
    };
    EXPECT_EQ(found(KvmAct::migrate).descent, Descent::same);
    EXPECT_TRUE(found(KvmAct::migrate).moved);
    EXPECT_EQ(found(KvmAct::snapshot).descent, Descent::snapshot);
    EXPECT_EQ(found(KvmAct::snapshot).descent, Descent::snapshot) << "restored twice";
    EXPECT_EQ(found(KvmAct::clone).descent, Descent::clone);
    EXPECT_FALSE(found(KvmAct::pause).moved);
    EXPECT_FALSE(found(KvmAct::migrate_fails).moved);
    EXPECT_EQ(guest->guest().generation().reseeds(), 3U);
    expect_clean(*guest);
}

// 46: the wall clock stays behind by the length of the pause.
TEST(Kvm, F46TheWallClockStaysBehindByThePause) {
    for (const bool bug : {true, false}) {
        auto guest = guest_up(two_hosts(bug ? Bugs{Bug::wall_not_read} : Bugs{}));
        guest->happens(KvmAct::pause, 7 * model::kSecond);
        EXPECT_EQ(guest->wall_error_ns() > 6'900'000'000, bug);
        EXPECT_TRUE(guest->cycle(Kind::s3, Outcome::resumed).is(Outcome::resumed));
        if (bug) {
            expect_violation(*guest, "L22");
        } else {
            expect_clean(*guest);
        }
    }
}

// A wall clock that is ahead is put back only where that was asked for.
TEST(Kvm, TheWallClockIsPutBackOnlyWhenAllowed) {
    for (const bool allowed : {true, false}) {
        KvmModelledGuestConfig config = two_hosts({});
        config.wall_backward = allowed;
        config.machine.hosts[1].wall_offset_ns = -30'000'000'000;
        auto guest = guest_up(config);
        guest->happens(KvmAct::migrate, model::kSecond);
        EXPECT_EQ(guest->wall_error_ns() < -20'000'000'000, !allowed);
    }
}

/// The power button is pressed while the guest goes down.
KvmCycle pressed_on_the_way_down(KvmModelledGuest& guest, Phase in) {
    guest.device("vda").behaviour.meanwhile = [&guest, in](Phase phase) {
        if (phase == in) {
            const model::HostSection host{guest.machine()};
            guest.host().wake();
            guest.machine().vcpus.deliver();
        }
    };
    return guest.suspend(Kind::s2idle);
}

// A wake-up that came on the way down is asked for twice, and the second answer is another.
TEST(Kvm, AWakeUpThatWasLookedAtOnceIsForgotten) {
    KvmModelledGuestConfig config = two_hosts(Bug::wakeup_asked_twice);
    config.tick_ms = 0;
    auto guest = guest_up(config);
    const KvmCycle cycle = pressed_on_the_way_down(*guest, Phase::suspend);
    EXPECT_EQ(cycle.run.end, model::GuestEnd::hung) << cycle.run.reason;
}

TEST(Kvm, AWakeUpOnTheWayDownIsAnAbort) {
    for (const Phase in :
         {Phase::prepare, Phase::suspend, Phase::suspend_late, Phase::suspend_noirq}) {
        auto guest = guest_up(two_hosts({}));
        const KvmCycle cycle = pressed_on_the_way_down(*guest, in);
        ASSERT_TRUE(cycle.is(Outcome::aborted)) << name_of(in);
        EXPECT_EQ(cycle.result->cause.code, Errc::called_off);
        expect_clean(*guest);
    }
}

// The firmware does not sleep (QEMU's q35 after its first S3): nothing was lost, and nothing is
// set up anew.
TEST(Kvm, AFirmwareThatDoesNotSleepIsNoResume) {
    auto guest = guest_up(two_hosts({}));
    EXPECT_TRUE(guest->cycle(Kind::s3, Outcome::cancelled).is(Outcome::cancelled));
    EXPECT_EQ(guest->device("vda").reconnects, 0U);
    EXPECT_TRUE(guest->cycle(Kind::s3, Outcome::resumed).is(Outcome::resumed));
    EXPECT_EQ(guest->device("vda").reconnects, 1U);
    expect_clean(*guest);
}

// KVM goes on writing to what the image's kernel had registered.
TEST(Kvm, KvmWritesIntoTheImageOfAGuestThatKeptItsAreas) {
    auto guest = guest_up(two_hosts(Bug::kvm_areas_kept));
    guest->cycle(Kind::hibernate, Outcome::resumed);
    expect_violation(*guest, "K2");
}

TEST(Kvm, AnImageThatCannotBeMadeIsAnAbort) {
    auto guest = guest_up(two_hosts({}));
    guest->host().image_fate = model::ImageFate::refused;
    const KvmCycle cycle = guest->suspend(Kind::hibernate);
    ASSERT_TRUE(cycle.is(Outcome::aborted));
    EXPECT_EQ(cycle.result->cause.code, Errc::no_space);
    expect_clean(*guest);
}

}  // namespace
}  // namespace resume::scenario
