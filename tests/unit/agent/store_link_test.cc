#include "agent/daemon/store_link.h"

#include <errno.h>
#include <gtest/gtest.h>

#include "store_daemon.h"

namespace resume::agent {
namespace {

using std::chrono::milliseconds;

// Each of `daemons` is one life of xenstored; none is left when they are used up.
class StoreLinkTest : public ::testing::Test {
  protected:
    void until(bool& happened) {
        for (int i = 0; i < 100 && !happened; ++i) {
            loop.step(milliseconds{100});
        }
    }
    std::array<Daemon, 2> daemons;
    size_t opened = 0;
    EventLoop loop;
    std::vector<std::string> tokens;
    bool back = false;
    XenbusStore store{[this](std::string& problem) {
        problem = "no device";
        ++opened;
        return opened <= daemons.size() ? std::move(daemons[opened - 1].guest) : UniqueFd{};
    }};
    StoreLink link{loop, store,
                   [this] {
                       while (const auto token = store.next_event()) {
                           tokens.push_back(*token);
                       }
                   },
                   [this] { back = true; }, milliseconds{0}};
    const std::string event{"domid\0token\0", 12};
};

TEST_F(StoreLinkTest, AnEventThatCameInWithAnAnswerIsTakenThoughItWakesNobodyUp) {
    link.tend();
    daemons[0].say(XS_WATCH_EVENT, 0, event);
    daemons[0].say(XS_READ, 1, "42");
    EXPECT_EQ(store.read("domid").value, "42");
    EXPECT_FALSE(loop.step(milliseconds{0}));
    EXPECT_TRUE(tokens.empty());
    link.tend();
    EXPECT_EQ(tokens, std::vector<std::string>{"token"});
}

TEST_F(StoreLinkTest, AnEventAloneWakesTheLoop) {
    link.tend();
    daemons[0].say(XS_WATCH_EVENT, 0, event);
    EXPECT_TRUE(loop.step(milliseconds{1000}));
    EXPECT_EQ(tokens, std::vector<std::string>{"token"});
}

TEST_F(StoreLinkTest, ALostConnectionComesBackByItself) {
    link.tend();
    daemons[1].say(XS_READ, 1, "42");
    daemons[1].say(XS_WATCH_EVENT, 0, event);
    daemons[0].mine.reset();
    until(back);
    EXPECT_TRUE(back);
    EXPECT_EQ(opened, 2U);
    EXPECT_EQ(tokens, std::vector<std::string>{"token"});
    EXPECT_FALSE(loop.step(milliseconds{0}));  // at rest again
}

TEST_F(StoreLinkTest, AttemptsEndUntilTheyAreAskedFor) {
    for (auto& daemon : daemons) {
        daemon.mine.reset();
    }
    link.tend();
    link.tend();
    EXPECT_EQ(store.fd(), -1);
    while (loop.step(milliseconds{0})) {
        link.tend();
    }
    const auto most = static_cast<size_t>(StoreLink::kMostTries);
    EXPECT_EQ(opened, 1 + most);
    link.try_again();
    EXPECT_EQ(opened, 2 + most);
    EXPECT_FALSE(back);
}

}  // namespace
}  // namespace resume::agent
