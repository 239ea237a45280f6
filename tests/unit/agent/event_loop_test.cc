#include "agent/base/event_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>

namespace resume::agent {
namespace {

using std::chrono::milliseconds;

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe(ends.data()), 0);
        out = UniqueFd{ends[0]};
        in = UniqueFd{ends[1]};
    }
    UniqueFd out, in;
};

TEST(EventLoop, RunsTheHandlerOfAReadableDescriptor) {
    EventLoop loop;
    Pipe pipe;
    int calls = 0;
    ASSERT_EQ(loop.watch(pipe.out.get(), EPOLLIN, [&](uint32_t) { ++calls; }), 0);
    EXPECT_FALSE(loop.step(milliseconds{0}));
    ASSERT_EQ(::write(pipe.in.get(), "x", 1), 1);
    EXPECT_TRUE(loop.step(milliseconds{0}));
    EXPECT_EQ(calls, 1);
}

TEST(EventLoop, DoesNotRunTheHandlerOfADescriptorThatAnotherHandlerReplaced) {
    EventLoop loop;
    Pipe first, second;
    int calls = 0;
    const auto replace = [&](Pipe& other) {
        return [&](uint32_t) {
            ++calls;
            loop.unwatch(other.out.get());
            loop.watch(other.out.get(), EPOLLIN, [&](uint32_t) { calls += 100; });
        };
    };
    loop.watch(first.out.get(), EPOLLIN, replace(second));
    loop.watch(second.out.get(), EPOLLIN, replace(first));
    ASSERT_EQ(::write(first.in.get(), "x", 1), 1);
    ASSERT_EQ(::write(second.in.get(), "x", 1), 1);
    loop.step(milliseconds{0});
    EXPECT_EQ(calls, 1);
}

TEST(EventLoop, RunsTimersInOrderAndNotTheCancelledOne) {
    EventLoop loop;
    std::string order;
    loop.after(milliseconds{1}, [&] { order += "b"; });
    loop.after(milliseconds{0}, [&] { order += "a"; });
    const auto cancelled = loop.after(milliseconds{0}, [&] { order += "x"; });
    loop.cancel(cancelled);
    while (order.size() < 2) {
        loop.step();
    }
    EXPECT_EQ(order, "ab");
}

TEST(EventLoop, RefusesADescriptorThatCannotBePolled) {
    EventLoop loop;
    UniqueFd file{::dup(STDIN_FILENO)};
    char path[] = "/tmp/event_loop_test_XXXXXX";
    UniqueFd regular{::mkstemp(path)};
    ::unlink(path);
    EXPECT_EQ(loop.watch(regular.get(), EPOLLIN, [](uint32_t) {}), EPERM);
}

}  // namespace
}  // namespace resume::agent
