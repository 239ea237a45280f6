// Hooks that finish later: in time, twice, late, in the next cycle, dropped, from an interrupt.
#include <gtest/gtest.h>

#include <optional>

#include "tests/unit/core/engine_fixture.h"

namespace resume::test {
namespace {

class Hookless final : public Device {
  public:
    Hookless() noexcept;

  private:
    static const DriverOps kOps;
};
constexpr DriverOps Hookless::kOps = {.driver = "hookless"};
Hookless::Hookless() noexcept : Device{kOps, "hookless"} {}

class CompletionTest : public EngineTest {
  public:
    /// Keeps the completer of `device`'s hook of `phase` and leaves it pending.
    void keep(ScriptedDevice& device, Phase phase) {
        device.on(phase, {.act = [this](ThreadContext& context) {
                      kept = context.defer();
                      return Progress::pending();
                  }});
    }

    Completer kept;
};

constexpr Ticks kMillisecond = 1'000'000;

TEST_F(CompletionTest, APendingHookHoldsBackOnlyWhatNeedsIt) {
    ScriptedDevice& bus = add("bus");
    add("disk", &bus);
    add("lone");
    bus.on(Phase::resume, {.delay = kMillisecond});
    EXPECT_EQ(cycle().outcome, Outcome::resumed);
    EXPECT_EQ(text_of(log, Phase::resume), "resume:bus resume:lone resume:disk");
    ASSERT_EQ(events(EventKind::hook_pending).size(), 1U);
    EXPECT_EQ(events(EventKind::hook_pending)[0].device, bus.id());
}

TEST_F(CompletionTest, AThousandHooksThatWaitTakeTheTimeOfOne) {
    for (int i = 0; i < 1000; ++i) {
        add("vbd").on(Phase::resume, {.delay = 10 * kMillisecond});
    }
    const CycleResult result = cycle();
    EXPECT_EQ(result.outcome, Outcome::resumed);
    EXPECT_EQ(result.end_ticks - result.begin_ticks, 10 * kMillisecond);
}

TEST_F(CompletionTest, AGrandchildWaitsThroughADeviceWithoutHooks) {
    ScriptedDevice& bus = add("bus");
    Hookless middle;
    ASSERT_TRUE(engine.add(middle, &bus).ok());
    add("disk", &middle);
    add("lone");
    bus.on(Phase::resume, {.delay = kMillisecond});
    cycle();
    EXPECT_EQ(text_of(log, Phase::resume), "resume:bus resume:lone resume:disk");
    EXPECT_TRUE(engine.remove(devices[1]).ok());
    EXPECT_TRUE(engine.remove(middle).ok());
}

TEST_F(CompletionTest, AnErrorArrivesWithItsDetail) {
    ScriptedDevice& disk = add("disk");
    disk.on(Phase::suspend, {.code = Errc::io, .delay = kMillisecond});
    const CycleResult result = cycle();
    EXPECT_EQ(result.outcome, Outcome::aborted);
    EXPECT_EQ(result.cause.code, Errc::io);
    EXPECT_EQ(result.cause.detail, -5);
    EXPECT_EQ(result.cause.device, disk.id());
}

TEST_F(CompletionTest, ACompletionBeforeTheHookReturnsCounts) {
    add("disk").on(Phase::suspend, {.act = [](ThreadContext& context) {
                       Completer completer = context.defer();
                       completer.complete();
                       return Progress::pending();
                   }});
    EXPECT_EQ(cycle().outcome, Outcome::resumed);
    EXPECT_EQ(engine.stray_completions(), 0U);
}

TEST_F(CompletionTest, ASecondCompletionIsCountedAndIgnored) {
    add("disk").on(Phase::suspend, {.act = [](ThreadContext& context) {
                       Completer completer = context.defer();
                       completer.complete();
                       completer.complete(Errc::io);
                       return Progress::pending();
                   }});
    const CycleResult result = cycle();
    EXPECT_EQ(result.outcome, Outcome::resumed);
    EXPECT_EQ(result.stray_completions, 1U);
    ASSERT_EQ(events(EventKind::completion_stray).size(), 1U);
    EXPECT_EQ(events(EventKind::completion_stray)[0].device, devices[0].id());
    EXPECT_EQ(events(EventKind::completion_stray)[0].arg32, 1U);
}

TEST_F(CompletionTest, ACompletionAfterItsDeadlineIsCountedAndIgnored) {
    ScriptedDevice& disk = add("disk");
    add("slow")
        .on(Phase::suspend, {.delay = 2'000 * kMillisecond})
        .on(Phase::resume, {.delay = 2'000 * kMillisecond});
    keep(disk, Phase::suspend);
    machine.after(11'000 * kMillisecond, [this] { kept.complete(); });
    const CycleResult result = cycle();
    EXPECT_EQ(result.outcome, Outcome::aborted);
    EXPECT_EQ(result.cause.code, Errc::timed_out);
    EXPECT_EQ(result.cause.device, disk.id());
    EXPECT_EQ(result.cause.phase, Phase::suspend);
    EXPECT_EQ(text_of(log, Phase::resume), "resume:slow");
    EXPECT_EQ(result.stray_completions, 1U);
    EXPECT_EQ(result.errors_up, 0U);
}

TEST_F(CompletionTest, ACompletionOfAnOlderCycleFinishesNobodyElsesHook) {
    ScriptedDevice& disk = add("disk");
    keep(disk, Phase::suspend);
    EXPECT_EQ(cycle().cause.code, Errc::timed_out);
    Completer old = std::move(kept);
    machine.after(kMillisecond, [&] { old.complete(); });
    machine.after(2 * kMillisecond, [&] { kept.complete(Errc::refused, -16); });
    const CycleResult second = cycle();
    EXPECT_EQ(second.outcome, Outcome::aborted);
    EXPECT_EQ(second.cause.code, Errc::refused);
    EXPECT_EQ(second.stray_completions, 1U);
}

TEST_F(CompletionTest, AStrayBetweenCyclesIsTracedByTheNext) {
    ScriptedDevice& disk = add("disk");
    keep(disk, Phase::suspend);
    cycle();
    kept.complete();
    kept.complete();
    EXPECT_EQ(engine.stray_completions(), 2U);
    EXPECT_TRUE(events(EventKind::completion_stray).empty());
    disk.on(Phase::suspend, {});
    EXPECT_EQ(cycle().outcome, Outcome::resumed);
    ASSERT_EQ(events(EventKind::completion_stray).size(), 1U);
    EXPECT_EQ(events(EventKind::completion_stray)[0].arg32, 2U);
}

TEST_F(CompletionTest, ADroppedCompleterFailsTheHookAtOnce) {
    ScriptedDevice& disk = add("disk");
    disk.on(Phase::suspend, {.act = [](ThreadContext& context) {
                { Completer forgotten = context.defer(); }
                return Progress::pending();
            }});
    const CycleResult result = cycle();
    EXPECT_EQ(result.cause.code, Errc::invalid);
    EXPECT_EQ(result.cause.device, disk.id());
    EXPECT_LT(result.end_ticks - result.begin_ticks, kMillisecond);
}

TEST_F(CompletionTest, ADroppedCompleterFailsAHookThatSaysDone) {
    add("disk").on(Phase::suspend, {.act = [](ThreadContext& context) {
                       { Completer forgotten = context.defer(); }
                       return Progress::done();
                   }});
    EXPECT_EQ(cycle().cause.code, Errc::invalid);
}

TEST_F(CompletionTest, AHookMayDeferAndThenFailItself) {
    add("disk").on(Phase::suspend, {.act = [](ThreadContext& context) -> Progress {
                       Completer unused = context.defer();
                       return Errc::no_space;
                   }});
    EXPECT_EQ(cycle().cause.code, Errc::no_space);
}

TEST_F(CompletionTest, DroppingAnExpiredCompleterIsNoStray) {
    keep(add("disk"), Phase::suspend);
    cycle();
    kept = Completer{};
    EXPECT_EQ(engine.stray_completions(), 0U);
}

TEST_F(CompletionTest, ACompleterCanBeMoved) {
    Completer second;
    add("disk").on(Phase::suspend, {.act = [&](ThreadContext& context) {
                       Completer first = context.defer();
                       second = std::move(first);
                       EXPECT_FALSE(first.armed());
                       EXPECT_TRUE(second.armed());
                       machine.after(kMillisecond, [&] { second.complete(); });
                       return Progress::pending();
                   }});
    EXPECT_EQ(cycle().outcome, Outcome::resumed);
    EXPECT_FALSE(second.armed());
}

TEST_F(CompletionTest, PendingWithoutDeferPanics) {
    add("disk").on(Phase::suspend, {.act = [](ThreadContext&) { return Progress::pending(); }});
    EXPECT_DEATH(cycle(), "deferred");
}

TEST_F(CompletionTest, APumpMayComplete) {
    ScriptedDevice& disk = add("disk");
    keep(disk, Phase::resume);
    EngineConfig pumped = config();
    pumped.guest.pump = [](void* guest) noexcept {
        static_cast<CompletionTest*>(static_cast<EngineTest*>(guest))->kept.complete();
    };
    ASSERT_TRUE(engine.remove(disk).ok());
    Engine other{machine, pumped};
    ASSERT_TRUE(other.add(disk, nullptr).ok());
    EXPECT_EQ(other.run({}).value().errors_up, 0U);
    EXPECT_EQ(machine.waits, 0U);
}

TEST_F(CompletionTest, AFailureWaitsForWhatIsAlreadyPending) {
    add("a").on(Phase::suspend, {.code = Errc::refused, .delay = kMillisecond});
    add("b").on(Phase::suspend, {.delay = 5 * kMillisecond});
    add("c").on(Phase::suspend, {.delay = 20'000 * kMillisecond});
    const CycleResult result = cycle();
    EXPECT_EQ(result.cause.code, Errc::refused);
    EXPECT_EQ(result.cause.device, devices[0].id());
    EXPECT_EQ(text_of(log, Phase::resume), "resume:b");
    EXPECT_EQ(result.end_ticks - result.begin_ticks, 10'000 * kMillisecond);
}

}  // namespace
}  // namespace resume::test
