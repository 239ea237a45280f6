#include "agent/act/coordinator.h"

#include <gtest/gtest.h>

#include "agent/act/clients.h"
#include "temp_root.h"

namespace resume::agent {
namespace {

class Recorder final : public Participant {
  public:
    Recorder(Cycle& cycle, const char* name, std::string& log)
        : Participant{cycle, name, Pace::quick}, log_{log} {}
    Errc answer = Errc::none;
    bool stuck = false;

  protected:
    void before(Done done) override {
        log_ += std::string{" -"} + name();
        kept_ = done;
        if (!stuck) {
            done(answer);
        }
    }
    void after(Outcome outcome, Done done) override {
        log_ += std::string{" +"} + name() + ":" + name_of(outcome);
        done(Errc::none);
    }

  private:
    std::string& log_;
    Done kept_{};
};

class CoordinatorTest : public ::testing::Test {
  protected:
    CoordinatorTest() {
        coordinator.add(clock);
        coordinator.add(hooks);
    }
    void TearDown() override { coordinator.detach(); }
    Coordinator::Announcement announce(const char* id) {
        Coordinator::Announcement announcement;
        announcement.id = id;
        announcement.kind = "s3";
        announcement.answer = [this](bool ready, const std::string& reason) {
            log += ready ? " ready" : " refused(" + reason + ")";
            if (on_ready) {
                on_ready();
            }
        };
        return announcement;
    }
    static oracle::CycleReport resumed() {
        oracle::CycleReport report;
        report.kind = "s3";
        report.outcome = "resumed";
        return report;
    }

    TempRoot t;
    std::string log;
    EventLoop loop;
    Coordinator coordinator{loop, t.root("/announced")};
    Recorder clock{coordinator.cycle(), "clock", log};
    Recorder hooks{coordinator.cycle(), "hooks", log};
    std::function<void()> on_ready;
};

TEST_F(CoordinatorTest, GoesDownInReverseAndUpInOrder) {
    on_ready = [this] { coordinator.deliver(resumed()); };
    EXPECT_TRUE(coordinator.run(announce("a")));
    EXPECT_EQ(log, " -hooks -clock ready +clock:resumed +hooks:resumed");
    EXPECT_TRUE(coordinator.cycle().report.announced);
}

TEST_F(CoordinatorTest, AnUnannouncedSuspendHasOnlyAWayUp) {
    coordinator.run_after(resumed());
    EXPECT_EQ(log, " +clock:resumed +hooks:resumed");
    EXPECT_FALSE(coordinator.cycle().report.announced);
}

TEST_F(CoordinatorTest, ARefusalUndoesOnlyWhatWasDone) {
    clock.answer = Errc::refused;
    coordinator.on_unrecorded([this](Cycle&) { log += " written"; });
    coordinator.run(announce("a"));
    EXPECT_EQ(log, " -hooks -clock +hooks:aborted refused(refused) written");
    EXPECT_EQ(coordinator.cycle().report.outcome, "aborted");
}

TEST_F(CoordinatorTest, TheBudgetOfTheAnnouncerEndsTheWait) {
    clock.stuck = true;
    auto announcement = announce("a");
    announcement.deadline_ms = 1;
    coordinator.run(std::move(announcement));
    EXPECT_NE(log.find("refused(not ready in time)"), std::string::npos) << log;
}

TEST_F(CoordinatorTest, AnAnnouncementThatIsReleasedIsAnAbortedSuspend) {
    on_ready = [this] {
        loop.after(std::chrono::milliseconds{0}, [this] { coordinator.release("a"); });
    };
    coordinator.run(announce("a"));
    EXPECT_EQ(log, " -hooks -clock ready +clock:aborted +hooks:aborted");
    coordinator.release("a");  // twice is safe
}

TEST_F(CoordinatorTest, AnotherIdDoesNotRelease) {
    on_ready = [this] {
        coordinator.release("b");
        coordinator.deliver(resumed());
    };
    coordinator.run(announce("a"));
    EXPECT_EQ(log, " -hooks -clock ready +clock:resumed +hooks:resumed");
}

TEST_F(CoordinatorTest, NothingWithinTheTimeIsAborted) {
    auto announcement = announce("a");
    announcement.ttl_ms = 1;
    coordinator.run(std::move(announcement));
    EXPECT_EQ(coordinator.cycle().report.cause->detail, "nothing happened within the time");
}

TEST_F(CoordinatorTest, ASecondAnnouncementInMidCycleIsNotTaken) {
    on_ready = [this] {
        on_ready = nullptr;
        EXPECT_FALSE(coordinator.run(announce("b")));
        coordinator.deliver(resumed());
    };
    EXPECT_TRUE(coordinator.run(announce("a")));
}

TEST_F(CoordinatorTest, WhatAKilledAgentAnnouncedIsFoundAtTheNextStart) {
    on_ready = [this] {
        // As a new agent would see it now.
        const Coordinator next{loop, t.root("/announced")};
        EXPECT_EQ(next.left_behind(), (std::vector<std::string>{"a", "s3"}));
        coordinator.deliver(resumed());
    };
    coordinator.run(announce("a"));
    EXPECT_TRUE(coordinator.left_behind().empty());
}

class ClientsTest : public ::testing::Test {
  protected:
    void subscribe(uint64_t peer, bool trusted) {
        clients.subscribe({.peer = peer,
                           .label = "c" + std::to_string(peer),
                           .pid = 1,
                           .executable = "/x",
                           .trusted = trusted});
    }
    bool run(uint32_t deadline_ms = 45'000) {
        Coordinator::Announcement announcement;
        announcement.id = "a";
        announcement.kind = "s3";
        announcement.deadline_ms = deadline_ms;
        bool was_ready = false;
        announcement.answer = [&](bool ready, const std::string& why) {
            was_ready = ready;
            reason = why;
            coordinator.deliver({});
        };
        coordinator.run(std::move(announcement));
        coordinator.run_delivered();
        return was_ready;
    }

    TempRoot t;
    EventLoop loop;
    Coordinator coordinator{loop, t.root("/announced")};
    std::map<uint64_t, std::vector<nlohmann::json>> sent;
    std::function<void(uint64_t, const nlohmann::json&)> on_event;
    Clients clients{coordinator.cycle(), loop, [this](uint64_t peer, const nlohmann::json& event) {
                        sent[peer].push_back(event);
                        loop.after(std::chrono::milliseconds{0}, [this, peer, event] {
                            if (on_event) {
                                on_event(peer, event);
                            }
                        });
                        return peer != 99;
                    }};
    std::string reason;

    void SetUp() override { coordinator.add(clients); }
    void TearDown() override { coordinator.detach(); }
};

TEST_F(ClientsTest, ASuspendWaitsForEveryAnswer) {
    subscribe(1, true);
    subscribe(2, false);
    on_event = [this](uint64_t peer, const nlohmann::json& event) {
        if (event["event"] == "before") {
            EXPECT_FALSE(clients.answer(peer, "stale", true, ""));
            EXPECT_TRUE(clients.answer(peer, event["token"], true, ""));
        }
    };
    EXPECT_TRUE(run());
    EXPECT_EQ(sent[1].back()["event"], "after");
    EXPECT_EQ(sent[2].back()["event"], "after");
}

TEST_F(ClientsTest, OnlyTheTrustedMayRefuse) {
    subscribe(1, false);
    on_event = [this](uint64_t peer, const nlohmann::json& event) {
        if (event["event"] == "before") {
            clients.answer(peer, event["token"], false, "no");
        }
    };
    EXPECT_TRUE(run());
    subscribe(1, true);
    EXPECT_FALSE(run());
    EXPECT_NE(reason.find("c1 (pid 1, /x): no"), std::string::npos);
}

TEST_F(ClientsTest, AClientThatIsGoneIsNotWaitedFor) {
    subscribe(99, true);
    subscribe(2, true);
    on_event = [this](uint64_t peer, const nlohmann::json&) { clients.gone(peer); };
    EXPECT_TRUE(run());
}

TEST_F(ClientsTest, AHoldKeepsItWaitingUntilItIsReleased) {
    const uint64_t id = clients.hold(7, "backup", std::chrono::seconds{60});
    EXPECT_FALSE(clients.release(8, id));
    loop.after(std::chrono::milliseconds{1}, [&] { EXPECT_TRUE(clients.release(7, id)); });
    EXPECT_TRUE(run());
    EXPECT_EQ(clients.holds(), 0u);
}

TEST_F(ClientsTest, AStuckClientIsNamedWithinTheAnnouncersBudget) {
    subscribe(1, true);  // never answers
    EXPECT_TRUE(run(300));
    EXPECT_EQ(sent[1].back()["late"][0], "c1 (pid 1, /x)");
}

/// Goes down before the clients do, and takes its time.
class Slow final : public Participant {
  public:
    Slow(Cycle& cycle, EventLoop& loop) : Participant{cycle, "slow", Pace::quick}, loop_{loop} {}

  private:
    void before(Done done) override {
        loop_.after(std::chrono::milliseconds{20}, [done] { done(Errc::none); });
    }
    void after(Outcome, Done done) override { done(Errc::none); }
    EventLoop& loop_;
};

TEST_F(ClientsTest, AStuckClientIsNamedWhenTheBudgetEndsBeforeItsPatience) {
    Slow slow{coordinator.cycle(), loop};
    coordinator.add(slow);
    subscribe(1, true);     // never answers
    EXPECT_FALSE(run(30));  // its patience would end 40 ms after the beginning
    EXPECT_EQ(sent[1].at(1)["late"][0], "c1 (pid 1, /x)");
    coordinator.detach();
}

}  // namespace
}  // namespace resume::agent
