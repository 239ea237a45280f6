#include "agent/observe/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <memory>

#include "agent/observe/observer.h"
#include "agent/observe/unannounced.h"
#include "temp_root.h"

namespace resume::agent {
namespace {

using oracle::CycleReport;
constexpr int64_t kSecond = 1'000'000'000;

Classifier says(std::vector<CycleReport> reports) {
    return [reports](std::string_view) { return reports; };
}

CycleReport a_report(const char* kind, const char* outcome) {
    CycleReport report;
    report.kind = kind;
    report.outcome = outcome;
    return report;
}

Evidence evidence_with(std::initializer_list<const char*> log, int64_t slept_ns = 0) {
    Evidence evidence;
    evidence.trace = "x: suspend_resume: suspend_enter[3] begin\n";
    evidence.kmsg.emplace_back();
    for (const char* line : log) {
        evidence.kmsg.back().add(line);
    }
    evidence.before.clocks = {100 * kSecond, 100 * kSecond, 1000 * kSecond};
    evidence.after.clocks = {110 * kSecond, 110 * kSecond - slept_ns, 1010 * kSecond};
    return evidence;
}

TEST(Judge, NoSignOfASuspendIsNoReport) {
    EXPECT_TRUE(judge(Evidence{}, says({a_report("s3", "resumed")})).empty());
}

TEST(Judge, ASleepThatTheClocksShowIsTakenAtItsWord) {
    const auto evidence =
        evidence_with({"PM: suspend entry (deep)", "PM: suspend exit"}, 4 * kSecond);
    const auto reports = judge(evidence, says({a_report("s3", "resumed")}));
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].outcome, "resumed");
    EXPECT_EQ(reports[0].confidence, "high");
    ASSERT_FALSE(reports[0].changed.empty());
    EXPECT_EQ(reports[0].changed[0].to, "4.000 s");
}

TEST(Judge, AMachineThatReturnedAtOnceDidNotSleep) {
    const auto evidence =
        evidence_with({"PM: suspend entry (deep)",
                       "ACPI Error: Could not disable RealTimeClock events", "PM: suspend exit"});
    const auto reports = judge(evidence, says({a_report("s3", "resumed")}));
    EXPECT_EQ(reports[0].outcome, "aborted");
    ASSERT_TRUE(reports[0].cause);
    EXPECT_EQ(reports[0].cause->phase, "enter");
}

TEST(Judge, AMachineWithoutItsRegistersDidNotSleep) {
    auto evidence = evidence_with({"PM: suspend entry (deep)", "PM: suspend exit"});
    evidence.after.acpi_gone = true;
    const auto first = judge(evidence, says({a_report("s3", "resumed")}));
    EXPECT_EQ(first[0].outcome, "resumed");  // this sleep took them away
    evidence.before.acpi_gone = true;
    const auto second = judge(evidence, says({a_report("s3", "resumed")}));
    EXPECT_EQ(second[0].outcome, "aborted");
    EXPECT_EQ(second[0].cause->phase, "enter");
    // A tick of the RTC in between looks like a second of sleep; a longer one was one.
    evidence.after.clocks.monotonic_ns -= kSecond;
    EXPECT_EQ(judge(evidence, says({a_report("s3", "resumed")}))[0].outcome, "aborted");
    evidence.after.clocks.monotonic_ns -= kSecond;
    EXPECT_EQ(judge(evidence, says({a_report("s3", "resumed")}))[0].outcome, "resumed");
}

TEST(Judge, AShortSleepIsDoubtedButNotDenied) {
    const auto evidence = evidence_with({"PM: suspend entry (deep)", "PM: suspend exit"});
    const auto reports = judge(evidence, says({a_report("s3", "resumed")}));
    EXPECT_EQ(reports[0].outcome, "resumed");
    EXPECT_EQ(reports[0].confidence, "low");
}

TEST(Judge, ANotifierIsNamedThoughTheTraceSaysNothing) {
    const auto evidence = evidence_with(
        {"PM: suspend entry (deep)",
         "notifier-error-inject: Injecting error (-16) to PM_SUSPEND_PREPARE", "PM: suspend exit"});
    const auto reports = judge(evidence, says({a_report("unknown", "unknown")}));
    EXPECT_EQ(reports[0].kind, "s3");
    EXPECT_EQ(reports[0].outcome, "aborted");
    EXPECT_EQ(reports[0].cause->phase, "prepare");
    EXPECT_EQ(reports[0].cause->error, EBUSY);
}

TEST(Judge, TheTaskThatWouldNotFreezeIsNamed) {
    const auto evidence = evidence_with(
        {"PM: suspend entry (s2idle)", "Freezing of tasks failed after 2.0 seconds (1 tasks",
         "task:writer          state:D stack:0     pid:7 ", "PM: suspend exit"});
    const auto reports = judge(evidence, says({a_report("s3", "aborted")}));
    EXPECT_EQ(reports[0].kind, "s2idle");  // the trace of a refused freeze looks the same
    EXPECT_EQ(reports[0].cause->task, "writer");
    EXPECT_EQ(reports[0].cause->phase, "freeze_tasks");
}

TEST(Judge, ATestOfTheLevelsIsNoSuspend) {
    const auto evidence =
        evidence_with({"PM: suspend entry (deep)", "PM: suspend debug: Waiting for 0 second(s).",
                       "PM: suspend exit"});
    EXPECT_EQ(judge(evidence, says({a_report("s3", "resumed")}))[0].kind, "pm-test");
}

TEST(Judge, WithoutEventsTheLogAloneMakesTheReport) {
    auto evidence = evidence_with({"PM: suspend entry (deep)", "PM: suspend exit"}, 3 * kSecond);
    evidence.trace.clear();
    const auto reports = judge(evidence, says({}));
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].kind, "s3");
    EXPECT_EQ(reports[0].outcome, "resumed");
    EXPECT_EQ(reports[0].confidence, "medium");
}

TEST(Judge, ANewDomainIsNamed) {
    auto evidence =
        evidence_with({"xen:grant_table: Grant tables using version 1 layout"}, kSecond);
    evidence.before.xen = XenIdentity{.domid = 3, .incarnation = 1};
    evidence.after.xen = XenIdentity{.domid = 4, .incarnation = 2};
    const auto reports = judge(evidence, says({a_report("xen-suspend", "resumed")}));
    EXPECT_EQ(reports[0].kind, "xen-suspend");
    EXPECT_EQ(reports[0].changed.at(0).what, "domid");
    EXPECT_EQ(reports[0].changed.at(0).to, "4");
}

TEST(Judge, ACycleThatTheAgentMissedIsNotMeasuredByItsClocks) {
    auto evidence = evidence_with({});
    evidence.kmsg.clear();
    auto report = a_report("s3", "resumed");
    report.begin_boot_ns = 50 * kSecond;  // before the agent's first sample
    evidence.since_boot_ns = 100 * kSecond;
    const auto reports = judge(evidence, says({report}));
    EXPECT_EQ(reports[0].outcome, "resumed");
    EXPECT_EQ(reports[0].confidence, "medium");
    EXPECT_TRUE(reports[0].changed.empty());
}

TEST(Judge, ACycleThatBeganWhileTheLastOneWasJudgedWasNotMissed) {
    auto evidence =
        evidence_with({"xen:grant_table: Grant tables using version 1 layout"}, kSecond);
    evidence.since_boot_ns = 10 * kSecond;
    auto report = a_report("xen-suspend", "cancelled");
    report.begin_boot_ns = 99 * kSecond;  // a moment before the sample after the last one
    const auto reports = judge(evidence, says({report}));
    EXPECT_EQ(reports[0].confidence, "high");
    EXPECT_TRUE(std::none_of(reports[0].checks.begin(), reports[0].checks.end(),
                             [](const auto& check) { return check.id == "seen"; }));
}

// 100 fast cycles in a PVH guest, the next one asked for within 150 ms: at every look another one
// had begun, so none was told until the trace had overflowed.
TEST(Observer, ASuspendThatIsOverIsNotHeldBackByTheNextOne) {
    const std::string over =
        " xenwatch-49 [000] ..... 1.1: suspend_resume: dpm_prepare[1] begin\n"
        " xenwatch-49 [000] ..... 1.9: suspend_resume: thaw_processes[0] end\n";
    const std::string next = " xenwatch-49 [000] ..... 2.1: suspend_resume: dpm_prepare[1] begin\n";
    EXPECT_EQ(end_of_last_thaw(over + next), over.size());
    EXPECT_EQ(end_of_last_thaw(over + over + next), 2 * over.size());
    EXPECT_EQ(end_of_last_thaw(next), 0u);
    // A hibernation has no freeze_processes either. Judged before the log had said that it is over,
    // it was told a second time, as an unknown one that took the next suspend's announcement.
    EXPECT_EQ(end_of_last_thaw(over), 0u);
    EXPECT_EQ(end_of_last_thaw(
                  " sh-1 [000] ..... 1.0: suspend_resume: freeze_processes[0] begin\n" + over),
              0u);
}

// A tracefs of files and one FIFO, through the whole way from the kernel's line to whoever asked.
TEST(Observer, ALostPageIsToldAtOnceAndIsNoSuspend) {
    TempRoot t;
    const std::string instance = "/sys/kernel/tracing/instances/libresume";
    for (const char* file :
         {"tracing_on", "trace", "trace_clock", "buffer_size_kb",
          "events/power/suspend_resume/enable", "events/ras/memory_failure_event/enable"}) {
        t.put(instance + "/" + file, "0\n");
    }
    const std::string pipe = t.root(instance + "/trace_pipe");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EventLoop loop;
    Sources sources{t.root, {.devices = false}, nullptr};
    EXPECT_NE(sources.trace.state().detail.find("lost pages"), std::string::npos)
        << sources.trace.state().detail;
    EXPECT_EQ(t.get(instance + "/events/ras/memory_failure_event/enable").front(), '1');
    size_t reports = 0;
    std::vector<uint64_t> lost;
    Observer observer{loop, sources, says({}), [&](auto all) { reports += all.size(); }};
    observer.on_memory_failure([&](const MemoryFailure& it) { lost.push_back(it.address); });
    std::ofstream{pipe} << " x-120 [001] ..... 31.447621: memory_failure_event: pfn 0x1f3a2: "
                           "recovery action for dirty LRU page: Recovered\n";
    ASSERT_TRUE(loop.step(std::chrono::milliseconds{1000}));
    EXPECT_EQ(lost, std::vector<uint64_t>{0x1f3a2000});
    EXPECT_FALSE(observer.busy());
    EXPECT_EQ(reports, 0U);
}

constexpr std::array<const char*, 2> kInstances{"/sys/kernel/tracing/instances/libresume",
                                                "/sys/kernel/tracing/instances/libresume-devices"};

/// What a kernel shows of our instances; their pipes are left to the test.
void put_tracefs(TempRoot& t) {
    for (const std::string instance : kInstances) {
        for (const char* file :
             {"tracing_on", "trace", "trace_clock", "buffer_size_kb",
              "events/power/suspend_resume/enable", "events/power/device_pm_callback_start/enable",
              "events/power/device_pm_callback_end/enable"}) {
            t.put(instance + "/" + file, "0\n");
        }
    }
}

/// An observer of traces that the test writes.
class Watched : public testing::Test {
  protected:
    Watched() {
        put_tracefs(root_);
        for (size_t i = 0; i < 2; ++i) {
            pipes_[i] = root_.root(std::string{kInstances[i]} + "/trace_pipe");
            EXPECT_EQ(::mkfifo(pipes_[i].c_str(), 0600), 0);
            held_[i] = UniqueFd{::open(pipes_[i].c_str(), O_RDWR)};  // without one it hangs up
        }
    }

    static constexpr int kRoom = 1 << 20;  ///< of the devices' pipe, once asked for

    void start(Classifier classify) {
        sources_ = std::make_unique<Sources>(root_.root, TraceOptions{}, nullptr);
        ASSERT_TRUE(sources_->devices.state().available) << sources_->devices.state().detail;
        observer_ = std::make_unique<Observer>(
            loop_, *sources_, std::move(classify),
            [&](auto all) { reports_.insert(reports_.end(), all.begin(), all.end()); });
    }

    /// One suspend; `first` is how the devices' trace begins, at least `bytes` of it are callbacks;
    /// `meanwhile` happens when its first step was seen.
    void tell(const std::string& first, size_t bytes = 1,
              const std::function<void()>& meanwhile = {}) {
        const size_t before = reports_.size();
        const int64_t now = sources_->clocks().boot_ns / 1000;
        char head[64];
        snprintf(head, sizeof head,
                 " xenwatch-49 [000] ..... %lld.%06lld: ", static_cast<long long>(now / 1'000'000),
                 static_cast<long long>(now % 1'000'000));
        const std::string begin = std::string{head} + "suspend_resume: dpm_prepare[1] begin\n";
        const std::string end = std::string{head} + "suspend_resume: thaw_processes[0] end\n";
        std::string callbacks;
        while (callbacks.size() < bytes) {
            callbacks += std::string{head} + "device_pm_callback_start: a b\n";
        }
        std::ofstream{pipes_[1]} << first << begin << callbacks << end;
        std::ofstream{pipes_[0]} << begin;
        while (meanwhile && !observer_->busy()) {
            loop_.step();
        }
        if (meanwhile) {
            meanwhile();
        }
        std::ofstream{pipes_[0]} << end;
        for (int i = 0; i < 100 && reports_.size() == before; ++i) {
            loop_.step(std::chrono::milliseconds{100});
        }
    }

    TempRoot root_{};
    std::array<std::string, 2> pipes_{};
    std::array<UniqueFd, 2> held_{};
    EventLoop loop_{};
    std::unique_ptr<Sources> sources_{};
    std::unique_ptr<Observer> observer_{};
    std::vector<CycleReport> reports_{};
};

// 100 fast cycles of a guest of 600 devices: the agent had 75 ms for 2,500 lines, the buffer
// overflowed, and of the first 86 cycles three halves were told.
TEST_F(Watched, DevicesThatOverflowTheirBufferCostNoReport) {
    std::vector<std::string> traces;
    auto report = a_report("xen-suspend", "cancelled");
    report.checks.push_back({"oracle", "ok", "0 violations"});
    const auto classify = [&](std::string_view trace) {
        traces.emplace_back(trace);
        return std::vector{report};
    };
    start(classify);
    tell("CPU:0 [LOST 1260 EVENTS]\n");
    ASSERT_EQ(reports_.size(), 1U);
    EXPECT_EQ(traces[0].find("LOST"), std::string::npos);
    EXPECT_EQ(traces[0].find("callback"), std::string::npos);
    EXPECT_EQ(reports_[0].outcome, "cancelled");
    EXPECT_EQ(reports_[0].checks[0].status, "inconclusive");
    tell("");
    ASSERT_EQ(reports_.size(), 2U);
    EXPECT_NE(traces[1].find("callback"), std::string::npos);  // the next one is whole again
    EXPECT_EQ(reports_[1].checks[0].status, "ok");
}

// The step that follows a restore's report may come when the next suspend has begun.
TEST_F(Watched, TheAgentsOwnStepIsNoNewsOfTheNextCycle) {
    constexpr int64_t kStepNs = 3 * kSecond;
    auto report = a_report("xen-suspend", "cancelled");
    start(says({report}));
    tell("", 1, [&] {
        sources_->clocks = [] {
            ClockSample sample = read_clocks();
            sample.realtime_ns += kStepNs;
            return sample;
        };
        observer_->clock_moved_by_us(kStepNs);
    });
    ASSERT_EQ(reports_.size(), 1U);
    for (const auto& change : reports_[0].changed) {
        EXPECT_NE(change.what, "wall clock set by");
    }
}

#ifdef __GLIBC__
// An empty string that is moved over a full one keeps its room: the agent sat on a megabyte of the
// last cycle's trace for good.
TEST_F(Watched, NothingOfATraceIsKeptWhenItIsJudged) {
    const auto used = [] {
        const auto heap = ::mallinfo2();
        return heap.uordblks + heap.hblkhd;
    };
    if (used() == 0) {
        GTEST_SKIP() << "a sanitizer's allocator, of which mallinfo2 knows nothing";
    }
    ASSERT_GE(::fcntl(held_[1].get(), F_SETPIPE_SZ, kRoom), kRoom);
    start(says({a_report("xen-suspend", "cancelled")}));
    tell("");
    const size_t before = used();
    tell("", kRoom * 3 / 4);
    ASSERT_EQ(reports_.size(), 2U);
    EXPECT_LT(used(), before + kRoom / 8);
}
#endif

TEST(Judge, OfATraceWithGapsTheLogKnowsBetter) {
    auto report = a_report("xen-suspend", "cancelled");
    auto evidence =
        evidence_with({"Freezing user space processes ... (elapsed 0.001 seconds) done.",
                       "xen:manage: xen_suspend: system core suspend failed: -16"});
    evidence.trace = "suspend_resume: ";
    EXPECT_EQ(judge(evidence, says({report}))[0].outcome, "cancelled") << "a whole trace counts";
    report.confidence = "low";
    const auto known = judge(evidence, says({report}))[0];
    EXPECT_EQ(known.outcome, "aborted");
    ASSERT_TRUE(known.cause);
    EXPECT_EQ(known.cause->error, 16);
    EXPECT_EQ(known.cause->phase, "syscore_suspend");
}

TEST(Judge, ALostEventIsSaid) {
    auto evidence = evidence_with({"PM: suspend entry (deep)", "PM: suspend exit"}, kSecond);
    evidence.trace_cut = true;
    EXPECT_EQ(judge(evidence, says({a_report("s3", "resumed")}))[0].confidence, "low");
}

Evidence quiet(int64_t lead_moves, int64_t wall_moves = 0) {
    Evidence evidence;
    evidence.before.clocks = {100 * kSecond, 100 * kSecond, 1000 * kSecond};
    evidence.after.clocks = {110 * kSecond, 110 * kSecond, 1010 * kSecond + wall_moves};
    evidence.before.reference = ReferenceClock::Reading{.lead_ns = 0, .error_ns = kSecond / 2};
    evidence.after.reference =
        ReferenceClock::Reading{.lead_ns = lead_moves - wall_moves, .error_ns = kSecond / 2};
    return evidence;
}

TEST(Unannounced, TimeLostWithoutASuspendIsAPause) {
    const auto report = judge_unannounced(quiet(4 * kSecond));
    ASSERT_TRUE(report);
    EXPECT_EQ(report->kind, "pause");
    EXPECT_EQ(report->outcome, "none");
}

TEST(Unannounced, AStepOfTheClockIsNoPause) {
    const auto report = judge_unannounced(quiet(0, 3600 * kSecond));
    ASSERT_TRUE(report);
    EXPECT_EQ(report->kind, "clock-step");
    EXPECT_EQ(report->outcome, "none");
}

TEST(Unannounced, ARestoreElsewhereLosesTimeAndNotifiesPeers) {
    auto evidence = quiet(8 * kSecond);
    evidence.notifying_links = {"eth0", "eth0"};
    const auto report = judge_unannounced(evidence);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->kind, "restore");
    EXPECT_EQ(report->outcome, "resumed");
}

TEST(Unannounced, PeersNotifiedAloneProveNothing) {
    auto evidence = quiet(0);
    evidence.notifying_links = {"eth0"};
    EXPECT_EQ(judge_unannounced(evidence)->outcome, "unknown");
}

// A guest of KVM's whose chronyd was told of a restore: its step of nothing began a record, and the
// link's second round of notifications, which alone would have been let go, came into it.
TEST(Unannounced, PeersNotifiedOfWhatWasToldAreNoSecondRestore) {
    auto evidence = quiet(0);
    evidence.clock_set = true;
    evidence.notifying_links = {"eth0"};
    evidence.links_of_before = true;
    EXPECT_FALSE(judge_unannounced(evidence));
    evidence = quiet(4 * kSecond);  // time was lost again
    evidence.notifying_links = {"eth0"};
    evidence.links_of_before = true;
    EXPECT_EQ(judge_unannounced(evidence)->kind, "restore");
}

// A PVH guest on Xen 4.17, 3.1 s after its restore was told: netfront's link notified its peers
// only now, since the host was busy.
TEST(Unannounced, OnXenPeersNotifiedLateAreNoSecondRestore) {
    auto evidence = quiet(0);
    evidence.before.xen = evidence.after.xen = XenIdentity{.domid = 2, .incarnation = 0};
    evidence.before.reference.reset();
    evidence.after.reference.reset();
    evidence.notifying_links = {"eth0"};
    EXPECT_FALSE(judge_unannounced(evidence));
    evidence.before.xen.reset();  // PV: no leaves in CPUID
    evidence.after.xen.reset();
    evidence.before.store_domid = evidence.after.store_domid = "2";
    EXPECT_FALSE(judge_unannounced(evidence));
}

TEST(Unannounced, ANewGenerationIsARestoreForSure) {
    auto evidence = quiet(0);
    evidence.forked = true;
    const auto report = judge_unannounced(evidence);
    EXPECT_EQ(report->kind, "restore");
    EXPECT_EQ(report->confidence, "high");
}

TEST(Unannounced, DriftAndResolutionAreNoLoss) {
    EXPECT_FALSE(judge_unannounced(quiet(kSecond)));
    auto evidence = quiet(15 * kSecond);
    evidence.after.clocks.boot_ns += 86'400 * kSecond;  // a day between the readings
    evidence.after.clocks.monotonic_ns += 86'400 * kSecond;
    evidence.after.clocks.realtime_ns += 86'400 * kSecond;
    EXPECT_FALSE(judge_unannounced(evidence));
}

TEST(Unannounced, WithoutAReferenceNothingIsClaimed) {
    auto evidence = quiet(4 * kSecond);
    evidence.after.reference.reset();
    EXPECT_FALSE(judge_unannounced(evidence));
}

}  // namespace
}  // namespace resume::agent
