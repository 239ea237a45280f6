// The main flow: down, the hypercall, up, in the three outcomes.
#include "libresume/engine.h"

#include <gtest/gtest.h>

#include "tests/unit/core/engine_fixture.h"

namespace resume::test {
namespace {

TEST_F(EngineTest, GoesDownChildrenFirstAndUpParentsFirst) {
    ScriptedDevice& bus = add("bus");
    ScriptedDevice& disk = add("disk", &bus);
    add("net", &bus);
    add("fs", &disk);
    const CycleResult result = cycle();
    EXPECT_EQ(result.outcome, Outcome::resumed);
    EXPECT_EQ(text_of(log, Phase::prepare), "prepare:bus prepare:disk prepare:net prepare:fs");
    EXPECT_EQ(text_of(log, Phase::suspend), "suspend:fs suspend:net suspend:disk suspend:bus");
    EXPECT_EQ(text_of(log, Phase::resume), "resume:bus resume:disk resume:net resume:fs");
    EXPECT_EQ(text_of(log, Phase::complete), "complete:fs complete:net complete:disk complete:bus");
}

TEST_F(EngineTest, RunsThePhasesInOrder) {
    add("only");
    cycle();
    EXPECT_EQ(text_of(log),
              "prepare:only suspend:only suspend_late:only suspend_noirq:only resume_noirq:only "
              "resume_early:only resume:only complete:only");
}

TEST_F(EngineTest, TakesSystemDevicesByRankWhereverTheyHang) {
    ScriptedDevice& bus = add("bus");
    add("timer", &bus, SystemRank::timer);
    add("info", nullptr, SystemRank::shared_info);
    add("page", &bus, SystemRank::hypercall_page);
    cycle();
    EXPECT_EQ(text_of(log, Phase::syscore_suspend),
              "syscore_suspend:timer syscore_suspend:info syscore_suspend:page");
    EXPECT_EQ(text_of(log, Phase::syscore_resume),
              "syscore_resume:page syscore_resume:info syscore_resume:timer");
}

TEST_F(EngineTest, TellsEveryHookOnTheWayUpTheOutcome) {
    add("disk");
    add("timer", nullptr, SystemRank::timer);
    for (const Outcome outcome : {Outcome::resumed, Outcome::cancelled}) {
        log.clear();
        enter_returns = outcome;
        EXPECT_EQ(cycle().outcome, outcome);
        for (const Call& call : log) {
            if (call.outcome) {
                EXPECT_EQ(*call.outcome, outcome) << name_of(call.phase);
            }
        }
    }
}

TEST_F(EngineTest, FailingDeviceGetsNoMirrorAndTheOthersDo) {
    ScriptedDevice& bus = add("bus");
    ScriptedDevice& disk = add("disk", &bus);
    add("fs", &disk);
    disk.on(Phase::suspend, {.code = Errc::refused});
    const CycleResult result = cycle();
    EXPECT_EQ(result.outcome, Outcome::aborted);
    EXPECT_EQ(result.stopped_at, Step::suspend);
    EXPECT_EQ(result.cause.code, Errc::refused);
    EXPECT_EQ(result.cause.phase, Phase::suspend);
    EXPECT_EQ(result.cause.device, disk.id());
    EXPECT_EQ(entered, 0);
    EXPECT_EQ(text_of(log, Phase::resume), "resume:fs");
    EXPECT_EQ(text_of(log, Phase::complete), "complete:fs complete:disk complete:bus");
}

TEST_F(EngineTest, ErrorsOnTheWayUpAreCountedAndStopNothing) {
    ScriptedDevice& bus = add("bus");
    add("disk", &bus);
    bus.on(Phase::resume, {.code = Errc::io});
    const CycleResult result = cycle();
    EXPECT_EQ(result.outcome, Outcome::resumed);
    EXPECT_EQ(result.errors_up, 1U);
    EXPECT_EQ(text_of(log, Phase::resume), "resume:bus resume:disk");
    EXPECT_EQ(text_of(log, Phase::complete), "complete:disk complete:bus");
}

TEST_F(EngineTest, ASecondRequestInMidCycleIsBusy) {
    ScriptedDevice& disk = add("disk");
    Errc second = Errc::none;
    disk.on(Phase::suspend, {.first = [&] {
                const auto result = engine.run({});
                second = result.ok() ? Errc::none : result.error().code;
            }});
    EXPECT_EQ(cycle().outcome, Outcome::resumed);
    EXPECT_EQ(second, Errc::busy);
    EXPECT_EQ(cycle().cycle, 2U);
}

TEST_F(EngineTest, AnEnterThatFailsAborts) {
    add("disk");
    enter_returns = Error{.code = Errc::hypercall, .detail = -12};
    const CycleResult result = cycle();
    EXPECT_EQ(result.outcome, Outcome::aborted);
    EXPECT_EQ(result.stopped_at, Step::enter);
    EXPECT_EQ(result.cause.detail, -12);
    EXPECT_TRUE(machine.irqs_on);
    EXPECT_FALSE(machine.parked);
    EXPECT_EQ(text_of(log, Phase::complete), "complete:disk");
}

TEST_F(EngineTest, EachLevelCanBeEnteredAndLeft) {
    add("disk");
    add("timer", nullptr, SystemRank::timer);
    for (uint8_t level = 1; level < static_cast<uint8_t>(Step::enter); ++level) {
        log.clear();
        const auto last = static_cast<Step>(level);
        const CycleResult result = cycle({.last = last});
        EXPECT_EQ(result.outcome, Outcome::aborted) << name_of(last);
        EXPECT_EQ(result.stopped_at, last);
        EXPECT_EQ(result.cause.code, Errc::called_off);
        EXPECT_EQ(entered, 0);
        EXPECT_TRUE(machine.irqs_on);
        EXPECT_FALSE(machine.parked);
        size_t downs = 0;
        for (const Call& call : log) {
            downs += call.outcome ? 0 : 1;
        }
        EXPECT_EQ(log.size(), 2 * downs) << name_of(last);
    }
}

TEST_F(EngineTest, RefusesALevelThatIsNotOnTheWayDown) {
    const auto result = engine.run({.last = Step::resume});
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, Errc::invalid);
}

}  // namespace
}  // namespace resume::test
