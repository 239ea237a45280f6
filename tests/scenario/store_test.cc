// Reports about the store, channels and the handshake: failures 5, 47, 48, 50 and 54.
#include "tests/scenario/scenario.h"

namespace resume::scenario {
namespace {

void open_a_user_transaction(ModelledGuest& guest) {
    guest.run(
        [&] { ASSERT_TRUE(guest.guest().store().begin(guest.tasks().at(1).transaction).ok()); });
}

// 5: suspend hangs for ever while a tool has a transaction open: its owner is frozen.
TEST(StoreAndChannels, F5SuspendWaitsForATransactionWhoseOwnerIsFrozen) {
    auto guest = guest_up(with(Bug::wait_for_user_tx));
    open_a_user_transaction(*guest);
    const Cycle cycle = guest->cycle(HostAct::checkpoint);
    ASSERT_TRUE(cycle.is(Outcome::aborted)) << cycle.run.reason;
    EXPECT_EQ(cycle.result->cause.code, Errc::timed_out) << "ours has a deadline; Linux had none";
    EXPECT_FALSE(cycle.errand->succeeded);
}

TEST(StoreAndChannels, F5AUsersTransactionDoesNotHoldTheSuspendAndEndsTorn) {
    for (const HostAct act : {HostAct::in_place, HostAct::save_restore}) {
        auto guest = guest_up(with(Bug::none));
        open_a_user_transaction(*guest);
        EXPECT_TRUE(guest->cycle(act).is(Outcome::resumed));
        Result<> ended{};
        guest->run(
            [&] { ended = guest->guest().store().end(guest->tasks().at(1).transaction, true); });
        ASSERT_FALSE(ended.ok());
        EXPECT_EQ(ended.error().code, Errc::again) << "never a silent commit (L24)";
        expect_clean(*guest);
    }
}

// 47: the console is dead after a migration: its channel was not read again.
TEST(StoreAndChannels, F47TheConsoleIsDeadWhenItsChannelIsNotReadAgain) {
    auto guest = guest_up(with(Bug::stale_console_port));
    guest->cycle(HostAct::save_restore);
    const oracle::Verdict verdict = guest->verdict();
    EXPECT_TRUE(verdict.has("L11")) << complaints(*guest);
}

TEST(StoreAndChannels, F47TheConsoleTalksAfterEachKindOfResume) {
    auto guest = guest_up(with(Bug::none));
    for (const HostAct act :
         {HostAct::save_restore, HostAct::slow, HostAct::in_place, HostAct::checkpoint}) {
        guest->cycle(act);
        const std::string said = std::string{"after "} + name_of(act) + "\n";
        guest->run([&] {
            guest->guest().console().write(said.data(), static_cast<uint32_t>(said.size()));
        });
        EXPECT_NE(guest->machine().console.text().find(said), std::string::npos) << name_of(act);
    }
    expect_clean(*guest);
}

// 48: an oops in a notify after a migration: the number meant nothing any more.
TEST(StoreAndChannels, F48ANotifyOnAStaleNumberIsFatal) {
    auto guest = guest_up(with(Bug::notify_stale));
    guest->cycle(HostAct::save_restore);
    const auto result = guest->run([&] { guest->guest().events().notify_port(0); });
    EXPECT_EQ(result.end, GuestEnd::panicked);
}

TEST(StoreAndChannels, F48ANotifyOnAStaleNumberDoesNothing) {
    auto guest = guest_up(with(Bug::none));
    guest->cycle(HostAct::save_restore);
    const auto result = guest->run([&] { EXPECT_FALSE(guest->guest().events().notify_port(0)); });
    EXPECT_EQ(result.end, GuestEnd::returned);
    EXPECT_GT(guest->guest().events().stale_count(), 0U);
}

// 50: OpenBSD acks and does nothing; the toolstack believes it.
TEST(StoreAndChannels, F50AnAckWithoutASuspendCostsTheHostAMinute) {
    auto guest = guest_up(with(Bug::ack_only));
    const Cycle cycle = guest->cycle(HostAct::checkpoint);
    EXPECT_EQ(cycle.errand->message, "guest did not suspend, timed out");
    EXPECT_FALSE(cycle.result) << "there is no cycle that the guest itself could tell of";
}

// 54: a guest that does not register its watches again passes the first restore and fails the
// second save, after 60 s.
TEST(StoreAndChannels, F54TheSecondSaveIsNeverAcked) {
    auto guest = guest_up(with(Bug::no_rewatch));
    EXPECT_TRUE(guest->cycle(HostAct::save_restore).is(Outcome::resumed)) << "looks perfect";
    const Cycle second = guest->cycle(HostAct::checkpoint);
    EXPECT_FALSE(second.result);
    EXPECT_EQ(second.errand->message, "guest didn't acknowledge suspend, cancelling request");
    expect_violation(*guest, "L5");
}

TEST(StoreAndChannels, F54WatchesAreThereAfterEachResume) {
    auto guest = guest_up(with(Bug::none));
    for (const HostAct act : {HostAct::save_restore, HostAct::checkpoint, HostAct::in_place,
                              HostAct::checkpoint, HostAct::slow, HostAct::save_restore}) {
        const Cycle cycle = guest->cycle(act);
        EXPECT_TRUE(cycle.errand->succeeded) << name_of(act) << ": " << cycle.errand->message;
    }
    expect_clean(*guest);
}

}  // namespace
}  // namespace resume::scenario
