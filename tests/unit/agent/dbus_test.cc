#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/observe/logind.h"
#include "temp_root.h"

namespace resume::agent {
namespace {

TEST(Dbus, ACallReadsBackAsItself) {
    const std::string bytes = dbus_call(7, "a.b", "/c", "d.e", "F", {"one", "two"});
    EXPECT_EQ(dbus_length(bytes), bytes.size());
    const auto message = parse_dbus(bytes);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->type, 1);
    EXPECT_EQ(message->serial, 7u);
    EXPECT_EQ(message->interface, "d.e");
    EXPECT_EQ(message->member, "F");
    EXPECT_EQ(message->signature, "ss");
    EXPECT_EQ(message->body, std::string("\3\0\0\0one\0\3\0\0\0two\0", 16));
}

TEST(Dbus, EveryCutMessageIsNotEnough) {
    const std::string bytes = dbus_call(7, "a.b", "/c", "d.e", "F", {"one"});
    for (size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_EQ(dbus_length(std::string_view{bytes}.substr(0, size)), 0u) << size;
    }
}

TEST(Dbus, BrokenHeadersAreRefused) {
    std::string bytes = dbus_call(7, "a.b", "/c", "d.e", "F", {"one"});
    bytes[0] = 'B';
    EXPECT_EQ(dbus_length(bytes), std::nullopt);
    for (size_t at = 16; at < 60; ++at) {
        std::string spoiled = dbus_call(7, "a.b", "/c", "d.e", "F", {"one"});
        spoiled[at] = '\xff';
        parse_dbus(spoiled);  // no crash; what it reads is its own
    }
}

TEST(Logind, SaysThatItIsNotThere) {
    TempRoot t;
    const Logind logind{t.root};
    EXPECT_FALSE(logind.state().available);
    EXPECT_EQ(logind.state().detail, "systemd-logind does not run");
    EXPECT_EQ(logind.fd(), -1);
}

TEST(Dbus, ARealBusLetsUsIn) {
    if (::access("/usr/bin/dbus-daemon", X_OK) != 0) {
        GTEST_SKIP() << "dbus-daemon is not installed";
    }
    TempRoot t;
    t.put("/bus.conf",
          "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration "
          "1.0//EN\" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">"
          "<busconfig><listen>unix:path=" +
              t.root("/bus") +
              "</listen><policy context=\"default\"><allow send_destination=\"*\" "
              "eavesdrop=\"true\"/>"
              "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>");
    std::string config = "--config-file=" + t.root("/bus.conf");
    std::string program = "/usr/bin/dbus-daemon", mode = "--nofork", ready = "--print-address=1";
    char* arguments[] = {program.data(), config.data(), mode.data(), ready.data(), nullptr};
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    pid_t pid = 0;
    ASSERT_EQ(::posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments, environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    char address[256];
    ASSERT_GT(::read(ends[0], address, sizeof address), 0);  // it listens from here on
    DbusClient bus{t.root("/bus")};
    if (!bus.problem().empty()) {
        // The daemon holds our output: left behind, it would keep the test from ever ending.
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        GTEST_SKIP() << "this machine's dbus-daemon lets nobody in: " << bus.problem();
    }
    const auto names = bus.call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                "org.freedesktop.DBus", "ListNames", {});
    const bool flooded = bus.next_signal() && bus.next_signal() && bus.next_signal();
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    ASSERT_TRUE(names);
    EXPECT_EQ(names->type, 2);
    EXPECT_EQ(names->signature, "as");
    EXPECT_FALSE(flooded);
}

}  // namespace
}  // namespace resume::agent
