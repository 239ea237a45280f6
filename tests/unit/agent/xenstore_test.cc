#include "agent/observe/xenstore.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <xen/io/xs_wire.h>

#include <array>

namespace resume::agent {
namespace {

/// The other end of the wire: sends what it is told, whatever was asked.
class Daemon {
  public:
    Daemon() {
        ::signal(SIGPIPE, SIG_IGN);  // as the agent does
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
        guest = UniqueFd{ends[0]};
        mine = UniqueFd{ends[1]};
    }
    void say(uint32_t type, uint32_t id, const std::string& body, int claimed = -1) const {
        xsd_sockmsg header{};
        header.type = type;
        header.req_id = id;
        header.len =
            claimed < 0 ? static_cast<uint32_t>(body.size()) : static_cast<uint32_t>(claimed);
        ASSERT_EQ(::write(mine.get(), &header, sizeof header), static_cast<ssize_t>(sizeof header));
        ASSERT_EQ(::write(mine.get(), body.data(), body.size()), static_cast<ssize_t>(body.size()));
    }
    UniqueFd guest, mine;
};

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

}  // namespace
}  // namespace resume::agent
