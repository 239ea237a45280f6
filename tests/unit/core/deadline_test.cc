// Time limits: each wait, each hook, the whole way down (P11); and calling off (P12).
#include <gtest/gtest.h>

#include "tests/unit/core/engine_fixture.h"

namespace resume::test {
namespace {

constexpr Ticks kMillisecond = 1'000'000;

using DeadlineTest = EngineTest;

TEST_F(DeadlineTest, ASlowHookOnTheWayDownIsNamedAndKeepsItsMirror) {
    ScriptedDevice& bus = add("bus");
    ScriptedDevice& disk = add("disk", &bus);
    disk.on(Phase::suspend, {.busy = 10'001 * kMillisecond});
    const CycleResult result = cycle();
    EXPECT_EQ(result.outcome, Outcome::aborted);
    EXPECT_EQ(result.cause.code, Errc::timed_out);
    EXPECT_EQ(result.cause.device, disk.id());
    const auto overruns = events(EventKind::hook_overrun);
    ASSERT_EQ(overruns.size(), 1U);
    EXPECT_EQ(overruns[0].device, disk.id());
    EXPECT_EQ(overruns[0].phase, Phase::suspend);
    EXPECT_EQ(overruns[0].arg64, 10'001 * kMillisecond);
    EXPECT_EQ(text_of(log, Phase::suspend), "suspend:disk");
    EXPECT_EQ(text_of(log, Phase::resume), "resume:disk");  // it did go down
}

TEST_F(DeadlineTest, ASlowHookOnTheWayUpIsTracedAndStopsNothing) {
    ScriptedDevice& bus = add("bus");
    add("disk", &bus);
    bus.on(Phase::resume, {.busy = 10'001 * kMillisecond});
    const CycleResult result = cycle();
    EXPECT_EQ(result.outcome, Outcome::resumed);
    EXPECT_EQ(result.errors_up, 0U);
    EXPECT_EQ(events(EventKind::hook_overrun).size(), 1U);
    EXPECT_EQ(text_of(log, Phase::resume), "resume:bus resume:disk");
}

TEST_F(DeadlineTest, AHookThatNeverCompletesOnTheWayUpIsAnErrorAndNoHang) {
    ScriptedDevice& bus = add("bus");
    add("disk", &bus);
    Completer kept;
    bus.on(Phase::resume, {.act = [&](ThreadContext& context) {
               kept = context.defer();
               return Progress::pending();
           }});
    const CycleResult result = cycle();
    EXPECT_EQ(result.outcome, Outcome::resumed);
    EXPECT_EQ(result.errors_up, 1U);
    EXPECT_EQ(text_of(log, Phase::resume), "resume:bus resume:disk");
    EXPECT_EQ(result.end_ticks - result.begin_ticks, 10'000 * kMillisecond);
    bool named = false;
    for (const TraceEvent& event : events(EventKind::hook_end)) {
        named |= event.device == bus.id() && event.phase == Phase::resume &&
                 event.status == static_cast<int32_t>(Errc::timed_out);
    }
    EXPECT_TRUE(named);
}

TEST_F(DeadlineTest, TheBudgetEndsTheWayDownInTheNameOfWhoWaited) {
    for (int i = 0; i < 6; ++i) {
        add("step").on(Phase::suspend, {.busy = 9'500 * kMillisecond});
    }
    const CycleResult result = cycle();
    EXPECT_EQ(result.cause.code, Errc::timed_out);
    EXPECT_EQ(result.cause.device, devices[1].id());  // the fifth from behind: 47.5 s
    EXPECT_EQ(entered, 0);
    EXPECT_EQ(text_of(log, Phase::resume),
              "resume:step resume:step resume:step resume:step resume:step");
}

TEST_F(DeadlineTest, APendingHookMayNotOutliveTheBudget) {
    ScriptedDevice& late = add("late");
    late.on(Phase::prepare, {.busy = 9'000 * kMillisecond});
    late.on(Phase::suspend, {.busy = 9'000 * kMillisecond});
    EngineConfig tight = config();
    tight.down_budget_ms = 20'000;
    Completer kept;
    late.on(Phase::suspend_late, {.act = [&](ThreadContext& context) {
                kept = context.defer();
                return Progress::pending();
            }});
    ASSERT_TRUE(engine.remove(late).ok());
    Engine other{machine, tight};
    ASSERT_TRUE(other.add(late, nullptr).ok());
    const CycleResult result = other.run({}).value();
    EXPECT_EQ(result.cause.code, Errc::timed_out);
    EXPECT_EQ(result.cause.device, late.id());
    EXPECT_EQ(result.end_ticks - result.begin_ticks, 20'000 * kMillisecond);
}

TEST_F(DeadlineTest, CallingOffIsLatchedOnceAndAborts) {
    ScriptedDevice& bus = add("bus");
    add("disk", &bus).on(Phase::suspend, {.first = [this] {
                             engine.call_off(Errc::called_off);
                             engine.call_off(Errc::refused);  // latched: the first stands
                         }});
    const CycleResult result = cycle();
    EXPECT_EQ(result.outcome, Outcome::aborted);
    EXPECT_EQ(result.cause.code, Errc::called_off);
    EXPECT_EQ(text_of(log, Phase::suspend), "suspend:disk");
    EXPECT_EQ(text_of(log, Phase::resume), "resume:disk");
    ASSERT_EQ(events(EventKind::abort_requested).size(), 1U);
    EXPECT_EQ(events(EventKind::abort_requested)[0].status, static_cast<int32_t>(Errc::called_off));
}

TEST_F(DeadlineTest, CallingOffWhileHooksArePendingStartsNothingMore) {
    ScriptedDevice& bus = add("bus");
    add("disk", &bus).on(Phase::suspend, {.delay = 5 * kMillisecond});
    machine.after(kMillisecond, [this] { engine.call_off(Errc::called_off); });
    const CycleResult result = cycle();
    EXPECT_EQ(result.cause.code, Errc::called_off);
    EXPECT_EQ(text_of(log, Phase::suspend), "suspend:disk");
    EXPECT_EQ(text_of(log, Phase::resume), "resume:disk");
}

TEST_F(DeadlineTest, CallingOffInTheLastHookStillWinsOverTheHypercall) {
    add("timer", nullptr, SystemRank::timer).on(Phase::syscore_suspend, {.first = [this] {
                                                    engine.call_off(Errc::called_off);
                                                }});
    const CycleResult result = cycle();
    EXPECT_EQ(result.stopped_at, Step::enter);
    EXPECT_EQ(entered, 0);
    EXPECT_TRUE(machine.irqs_on);
}

TEST_F(DeadlineTest, CallingOffIsWithoutEffectOutsideTheWayDown) {
    ScriptedDevice& disk = add("disk");
    engine.call_off(Errc::called_off);
    disk.on(Phase::resume, {.first = [this] { engine.call_off(Errc::called_off); }});
    EXPECT_EQ(cycle().outcome, Outcome::resumed);
    EXPECT_EQ(cycle().outcome, Outcome::resumed);
    EXPECT_TRUE(events(EventKind::abort_requested).empty());
}

TEST_F(DeadlineTest, AVcpuThatCannotBeParkedAborts) {
    add("disk");
    machine.park_fails = true;
    const CycleResult result = cycle();
    EXPECT_EQ(result.stopped_at, Step::park_vcpus);
    EXPECT_EQ(result.cause.code, Errc::timed_out);
    EXPECT_TRUE(machine.irqs_on);
    EXPECT_EQ(text_of(log, Phase::resume_noirq), "resume_noirq:disk");
}

TEST_F(DeadlineTest, TheWatchdogIsToldOfEachHookAndOfTheEnd) {
    static std::vector<DeviceId> told;
    told.clear();
    ScriptedDevice& disk = add("disk");
    ASSERT_TRUE(engine.remove(disk).ok());
    EngineConfig watched = config();
    watched.guest.watchdog = [](void*, DeviceId device, Phase, Ticks) noexcept {
        told.push_back(device);
    };
    Engine other{machine, watched};
    ASSERT_TRUE(other.add(disk, nullptr).ok());
    ASSERT_TRUE(other.run({.last = Step::prepare}).ok());
    EXPECT_EQ(told, (std::vector<DeviceId>{disk.id(), kNoDevice, disk.id(), kNoDevice}));
}

}  // namespace
}  // namespace resume::test
