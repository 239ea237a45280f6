// Reports about outcomes that were confounded: failures 7, 40, 51, 52, 53 and 57.
#include "tests/scenario/scenario.h"

namespace resume::scenario {
namespace {

// 7: Linux 2.6.27 to 2025: a driver refuses to freeze, and the ones frozen before it stay frozen.
TEST(Outcome, F7ARefusedSuspendWithoutUnwindingLeavesDevicesSuspended) {
    auto guest = guest_up(with(Bug::no_unwind));
    static DriverOps never_thawed;
    never_thawed = guest->device("rtc").ops();
    never_thawed.resume = nullptr;
    guest->device("rtc").replace_ops(CheckedOps{CheckedOps::Unchecked{never_thawed}});
    guest->device("vbd-51712").behaviour.refuse = Errc::refused;
    const Cycle refused = guest->cycle(HostAct::checkpoint);
    EXPECT_TRUE(refused.is(Outcome::aborted)) << refused.run.reason;
    const oracle::Verdict verdict = guest->verdict();
    EXPECT_TRUE(verdict.has("P4") || verdict.has("P5")) << complaints(*guest);
}

TEST(Outcome, F7ARefusedSuspendIsUnwoundAndTheNextOneWorks) {
    auto guest = guest_up(with(Bug::none));
    guest->device("vbd-51712").behaviour.refuse = Errc::refused;
    const Cycle refused = guest->cycle(HostAct::checkpoint);
    ASSERT_TRUE(refused.is(Outcome::aborted)) << refused.run.reason;
    EXPECT_EQ(refused.result->cause.code, Errc::refused);
    EXPECT_EQ(refused.result->cause.device, guest->device("vbd-51712").id());
    EXPECT_EQ(refused.errand->message, "guest did not suspend, timed out");
    guest->device("vbd-51712").behaviour.refuse = Errc::none;
    EXPECT_TRUE(guest->cycle(HostAct::checkpoint).is(Outcome::cancelled));
    EXPECT_TRUE(guest->cycle(HostAct::save_restore).is(Outcome::resumed));
    expect_clean(*guest);
}

// 40: Linux 6.16-rc: on an abort the devices that were not reached were never completed, and who
// waited for them waited for ever. Here a wait has its deadline, which names the device (P11).
TEST(Outcome, F40AHookThatNeverCompletesIsNamedAndUnwound) {
    auto guest = guest_up(with(Bug::lost_completion));
    guest->device("vif-0").behaviour.never_completes = true;
    const Cycle stuck = guest->cycle(HostAct::checkpoint);
    ASSERT_TRUE(stuck.is(Outcome::aborted)) << stuck.run.reason;
    EXPECT_EQ(stuck.result->cause.code, Errc::timed_out);
    EXPECT_EQ(stuck.result->cause.device, guest->device("vif-0").id());
    guest->device("vif-0").behaviour.never_completes = false;
    EXPECT_TRUE(guest->cycle(HostAct::checkpoint).is(Outcome::cancelled));
}

TEST(Outcome, F40ARefusalWhileAnotherDeviceIsPendingHangsNobody) {
    auto guest = guest_up(with(Bug::none));
    guest->device("vif-0").behaviour.suspend_wait_ms = 50;
    guest->device("vbd-51712").behaviour.refuse = Errc::refused;
    const Cycle refused = guest->cycle(HostAct::checkpoint);
    ASSERT_TRUE(refused.is(Outcome::aborted)) << refused.run.reason;
    EXPECT_EQ(refused.result->cause.code, Errc::refused);
    expect_clean(*guest);
}

// 51: a late failure, told as a resume, makes the store and every frontend reconnect for nothing.
TEST(Outcome, F51ALateRefusalToldAsARestoreReconnectsTheStore) {
    auto guest = guest_up(with(Bug::abort_as_restore));
    guest->device("vbd-51712").behaviour.refuse = Errc::refused;
    guest->device("vbd-51712").behaviour.refuse_in = Phase::suspend_late;
    guest->cycle(HostAct::checkpoint);
    expect_violation(*guest, "L6");
}

// 53: the same for the devices frozen before the one that refuses: a disk that rewrites its ring
// while its backend stays on the old one hangs for ever.
TEST(Outcome, F53DevicesFrozenBeforeTheRefusingOneAreThawedNotRestored) {
    for (const Phase phase :
         {Phase::prepare, Phase::suspend, Phase::suspend_late, Phase::suspend_noirq}) {
        auto guest = guest_up(with(Bug::none));
        guest->device("vbd-51712").behaviour.refuse = Errc::refused;
        guest->device("vbd-51712").behaviour.refuse_in = phase;
        const Cycle refused = guest->cycle(HostAct::checkpoint);
        ASSERT_TRUE(refused.is(Outcome::aborted)) << name_of(phase) << refused.run.reason;
        for (auto& device : guest->devices()) {
            EXPECT_EQ(device->reconnects, 0U) << device->name();
        }
        expect_clean(*guest);
    }
}

// 52: Linux 6.1 panics on a slow resume in place: 0 was taken as proof of a new domain.
TEST(Outcome, F52ReturnValueZeroTakenAsProofOfANewDomainPanics) {
    auto guest = guest_up(with(Bug::resumed_is_new));
    const Cycle cycle = guest->cycle(HostAct::slow);
    EXPECT_EQ(cycle.run.end, GuestEnd::panicked);
    EXPECT_NE(cycle.run.reason.find("register_vcpu_info"), std::string::npos) << cycle.run.reason;
}

TEST(Outcome, F52TheDomainIsFoundByEvidence) {
    for (const uint32_t vcpus : {1U, 2U, 4U}) {
        for (const bool busy : {false, true}) {
            ModelledGuestConfig config = with(Bug::none, vcpus);
            config.machine.hosts[0].vcpu_info_busy = busy;
            auto guest = guest_up(config);
            for (int i = 0; i < 3; ++i) {
                const Cycle slow = guest->cycle(HostAct::slow);
                ASSERT_TRUE(slow.is(Outcome::resumed)) << slow.run.reason;
                EXPECT_EQ(slow.result->evidence, DomainEvidence::same);
            }
            const Cycle reset = guest->cycle(HostAct::in_place);
            ASSERT_TRUE(reset.is(Outcome::resumed)) << reset.run.reason;
            EXPECT_EQ(reset.result->evidence, DomainEvidence::fresh);
            expect_clean(*guest);
        }
    }
}

// 57: the hypercall is made on vCPU 1: the toolstack's 1 lands in vCPU 0's register.
TEST(Outcome, F57TheHypercallOnVcpu1TakesACancelForAResume) {
    auto guest = guest_up(with(Bug::hypercall_on_vcpu1, 2));
    const Cycle cycle = guest->cycle(HostAct::checkpoint);
    EXPECT_TRUE(cycle.is(Outcome::resumed)) << "though it was cancelled";
    EXPECT_TRUE(guest->machine().domain.register_clobbered());
    expect_violation(*guest, "L2");
}

TEST(Outcome, F57TheHypercallIsMadeOnVcpu0) {
    auto guest = guest_up(with(Bug::none, 2));
    EXPECT_TRUE(guest->cycle(HostAct::checkpoint).is(Outcome::cancelled));
    EXPECT_FALSE(guest->machine().domain.register_clobbered());
    expect_clean(*guest);
}

}  // namespace
}  // namespace resume::scenario
