#include "agent/act/hooks.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "temp_root.h"

namespace resume::agent {
namespace {

class HooksTest : public ::testing::Test {
  protected:
    void put(const std::string& path, const std::string& body, mode_t mode = 0755) {
        t.put(path, "#!/bin/sh\n" + body + "\n");
        ::chmod(t.root(path).c_str(), mode);
    }
    std::vector<HookResult> run(HookCall call) {
        EventLoop loop;
        HookRunner runner{loop, false};
        std::vector<HookResult> results;
        bool over = false;
        runner.run(find_hooks(t.root, ::getuid()), std::move(call),
                   [&](std::vector<HookResult> all) {
                       results = std::move(all);
                       over = true;
                   });
        while (!over) {
            loop.step();
        }
        return results;
    }
    std::string log() { return t.get("/log"); }
    std::string say(const std::string& word) { return "echo " + word + " >> " + t.root("/log"); }
    TempRoot t;
};

const std::string kOwn = std::string{kOwnHooks} + "/";
const std::string kVendor = std::string{kVendorHooks} + "/";

TEST_F(HooksTest, RunInCOrderAndInReverseOnTheWayUp) {
    put(kVendor + "10-a", say("a"));
    put(kOwn + "20-b", say("b"));
    run({.kind = "s3"});
    EXPECT_EQ(log(), "a\nb\n");
    run({.post = true, .kind = "s3", .outcome = "resumed"});
    EXPECT_EQ(log(), "a\nb\nb\na\n");
}

TEST_F(HooksTest, EtcWinsAndMasks) {
    put(kVendor + "10-a", say("vendor"));
    put(kOwn + "10-a", say("own"));
    put(kVendor + "20-b", say("never"));
    ASSERT_EQ(::symlink("/dev/null", t.root(kOwn + "20-b").c_str()), 0);
    run({.kind = "s3"});
    EXPECT_EQ(log(), "own\n");
}

TEST_F(HooksTest, WhatAPackageLeftBehindIsNoHook) {
    put(kOwn + "10-a.dpkg-old", say("x"));
    put(kOwn + "10-a~", say("x"));
    put(kOwn + "10-a.rpmsave", say("x"));
    EXPECT_TRUE(find_hooks(t.root, ::getuid()).empty());
}

TEST_F(HooksTest, AHookThatOthersCanWriteIsNotRun) {
    put(kOwn + "10-a", say("x"), 0777);
    put(kOwn + "20-b", say("x"), 0644);
    for (const auto& hook : find_hooks(t.root, ::getuid())) {
        EXPECT_FALSE(hook.problem.empty()) << hook.name;
    }
    EXPECT_TRUE(run({.kind = "s3"}).empty());
}

TEST_F(HooksTest, AVetoEndsTheRowOfAnAnnouncedSuspend) {
    put(kOwn + "10-a", "exit 75");
    put(kOwn + "20-b", say("b"));
    EXPECT_EQ(run({.kind = "s3", .announced = true}).back().status, kHookVeto);
    EXPECT_EQ(log(), "");
    run({.post = true, .kind = "s3", .outcome = "resumed", .announced = true});
    EXPECT_EQ(log(), "b\n");
}

TEST_F(HooksTest, GetsWordsEnvironmentAndTheReport) {
    put(kOwn + "10-a",
        "{ echo $1 $2 $3 $LIBRESUME_KIND $LIBRESUME_ANNOUNCED; cat; } > " + t.root("/log"));
    run({.post = true, .kind = "s3", .outcome = "cancelled", .report = "{}"});
    EXPECT_EQ(log(), "post s3 cancelled s3 0\n{}\n");
}

TEST_F(HooksTest, AHookThatCannotBeStartedIsNamedAndTheNextRuns) {
    put(kOwn + "10-a", "");
    t.put(kOwn + "10-a", "#!/no/such/interpreter\n");
    ::chmod(t.root(kOwn + "10-a").c_str(), 0755);
    put(kOwn + "20-b", say("b"));
    const auto results = run({.kind = "s3"});
    ASSERT_EQ(results.size(), 2u);
    EXPECT_NE(results[0].error, 0);
    EXPECT_EQ(log(), "b\n");
}

// As on Linux before 5.3, for good: for a process of its own.
void take_pidfds_away() {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{.len = std::size(filter), .filter = filter};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0 ||
        ::syscall(SYS_pidfd_open, ::getpid(), 0) != -1 || errno != ENOSYS) {
        std::perror("seccomp");
        std::_Exit(70);
    }
}

TEST_F(HooksTest, RunOnAKernelWithoutPidfds) {
    put(kOwn + "10-a", say("a") + "; exit 3");
    put(kOwn + "20-b", say("b"));
    const auto in_another_process = [this] {
        take_pidfds_away();
        const auto results = run({.kind = "s3"});
        std::_Exit(results.size() == 2 && results[0].status == 3 && results[1].status == 0 ? 0 : 1);
    };
    EXPECT_EXIT(in_another_process(), ::testing::ExitedWithCode(0), "");
    EXPECT_EQ(log(), "a\nb\n");
}

TEST_F(HooksTest, AHookThatIsStoppedIsGoneOnAKernelWithoutPidfds) {
    put(kOwn + "10-a", "exec sleep 100");
    const auto in_another_process = [this] {
        take_pidfds_away();
        EventLoop loop;
        HookRunner runner{loop, false};
        runner.run(find_hooks(t.root, ::getuid()), {.kind = "s3"}, {});
        const bool was_busy = runner.busy();
        runner.stop();
        const bool none_left = ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
        std::_Exit(was_busy && !runner.busy() && none_left &&
                           !loop.step(std::chrono::milliseconds{50})
                       ? 0
                       : 1);
    };
    EXPECT_EXIT(in_another_process(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace resume::agent
