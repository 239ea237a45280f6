#include "agent/observe/xenstore.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include "store_daemon.h"

namespace resume::agent {
namespace {

TEST(Xenstore, ReadsAValueAndKeepsAnEventThatCameBeforeIt) {
    Daemon daemon;
    XenbusStore store{std::move(daemon.guest)};
    daemon.say(XS_WATCH_EVENT, 0, std::string{"domid\0token\0", 12});
    daemon.say(XS_READ, 1, "42");
    EXPECT_EQ(store.read("domid").value, "42");
    EXPECT_EQ(store.next_event(), "token");
    EXPECT_EQ(store.next_event(), std::nullopt);
}

TEST(Xenstore, AnErrorKeepsItsName) {
    Daemon daemon;
    XenbusStore store{std::move(daemon.guest)};
    daemon.say(XS_ERROR, 1, std::string{"EACCES\0", 7});
    EXPECT_EQ(store.write("control/x", "1").error, EACCES);
    daemon.say(XS_ERROR, 2, "EWHATEVER");
    EXPECT_EQ(store.read("x").error, EIO);
}

TEST(Xenstore, AnAnswerOverTheLimitEndsTheConnection) {
    Daemon daemon;
    XenbusStore store{std::move(daemon.guest)};
    daemon.say(XS_READ, 1, "x", XENSTORE_PAYLOAD_MAX + 1);
    EXPECT_EQ(store.read("x").error, EPROTO);
    EXPECT_FALSE(store.state().available);
    EXPECT_EQ(store.read("x").error, ENOTCONN);
}

TEST(Xenstore, AnAnswerToAnOlderRequestIsDropped) {
    Daemon daemon;
    XenbusStore store{std::move(daemon.guest)};
    daemon.say(XS_READ, 77, "stale");
    daemon.say(XS_READ, 1, "fresh");
    EXPECT_EQ(store.read("x").value, "fresh");
}

TEST(Xenstore, AGoneDaemonIsAnErrorAndNoHang) {
    Daemon daemon;
    XenbusStore store{std::move(daemon.guest)};
    daemon.mine.reset();
    EXPECT_NE(store.read("x").error, 0);
    EXPECT_EQ(store.next_event(), std::nullopt);
}

TEST(Xenstore, AValueOverTheLimitIsNotSent) {
    Daemon daemon;
    XenbusStore store{std::move(daemon.guest)};
    EXPECT_EQ(store.write("x", std::string(XENSTORE_PAYLOAD_MAX, 'x')).error, E2BIG);
}

TEST(Xenstore, ALostConnectionIsOpenedAgainWithItsWatches) {
    Daemon first;
    Daemon second;
    second.say(XS_ERROR, 3, std::string{"ENOENT\0", 7});  // `domid` is asked for, not needed
    second.say(XS_WATCH, 4, "OK");
    second.say(XS_WATCH_EVENT, 0, std::string{"domid\0token\0", 12});
    int opened = 0;
    XenbusStore store{
        [&](std::string&) { return std::move(opened++ == 0 ? first.guest : second.guest); }};
    first.say(XS_WATCH, 1, "OK");
    EXPECT_TRUE(store.watch("domid", "token").ok());
    const int before = store.fd();
    first.mine.reset();
    EXPECT_NE(store.read("x").error, 0);
    EXPECT_EQ(store.fd(), -1);
    EXPECT_EQ(::fcntl(before, F_GETFD), FD_CLOEXEC);  // an event loop still knows the number
    ASSERT_EQ(store.reconnect(), 0);
    EXPECT_EQ(opened, 2);
    EXPECT_EQ(second.asked(), (std::vector<uint32_t>{XS_READ, XS_WATCH}));
    EXPECT_EQ(store.next_event(), "token");
    EXPECT_EQ(store.reconnect(), 0);  // connected: nothing to do
    EXPECT_EQ(opened, 2);
}

TEST(Xenstore, AnAttemptThatFailsLeavesItLost) {
    Daemon first;
    Daemon gone;
    int opened = 0;
    XenbusStore store{[&](std::string& problem) {
        problem = "no device";
        ++opened;
        return opened == 1   ? std::move(first.guest)
               : opened == 2 ? std::move(gone.guest)
                             : UniqueFd{};
    }};
    first.mine.reset();
    gone.mine.reset();
    EXPECT_NE(store.read("x").error, 0);
    EXPECT_NE(store.reconnect(), 0);
    EXPECT_EQ(store.reconnect(), ENOTCONN);
    EXPECT_EQ(store.state().detail, "no device");
    EXPECT_EQ(store.read("x").error, ENOTCONN);
}

}  // namespace
}  // namespace resume::agent
