#include "agent/observe/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>

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
              "events/power/device_pm_callback_end/enable",
              "events/power/device_pm_callback_end/filter"}) {
            t.put(instance + "/" + file, "0\n");
        }
    }
}

// The kernel writes each callback down before it looks at the filter: asked for twice, watching
// cost half as much again.
TEST(Sources, CallbacksThatFailAreAskedForOnlyWhereNothingElseHasThem) {
    for (const bool devices : {true, false}) {
        TempRoot t;
        put_tracefs(t);
        for (const std::string instance : kInstances) {
            t.put(instance + "/trace_pipe", "");
        }
        const Sources sources{t.root, {.devices = devices}, nullptr};
        const std::string ends =
            std::string{kInstances[0]} + "/events/power/device_pm_callback_end/";
        EXPECT_EQ(read_number(t.root(ends + "enable")), devices ? 0 : 1);
        EXPECT_EQ(read_line(t.root(ends + "filter"), 64), devices ? "0" : "error != 0");
        EXPECT_EQ(sources.devices.state().available, devices);
    }
}

// 100 fast cycles of a guest of 600 devices: the agent had 75 ms for 2,500 lines, the buffer
// overflowed, and of the first 86 cycles three halves were told.
TEST(Observer, DevicesThatOverflowTheirBufferCostNoReport) {
    TempRoot t;
    std::array<std::string, 2> pipes;
    std::array<UniqueFd, 2> held;
    put_tracefs(t);
    for (size_t i = 0; i < 2; ++i) {
        pipes[i] = t.root(std::string{kInstances[i]} + "/trace_pipe");
        ASSERT_EQ(::mkfifo(pipes[i].c_str(), 0600), 0);
        held[i] = UniqueFd{::open(pipes[i].c_str(), O_RDWR)};  // without a writer it hangs up
    }
    EventLoop loop;
    Sources sources{t.root, {}, nullptr};
    ASSERT_TRUE(sources.devices.state().available) << sources.devices.state().detail;
    std::vector<std::string> traces;
    std::vector<CycleReport> reports;
    auto report = a_report("xen-suspend", "cancelled");
    report.checks.push_back({"oracle", "ok", "0 violations"});
    const auto classify = [&](std::string_view trace) {
        traces.emplace_back(trace);
        return std::vector{report};
    };
    Observer observer{loop, sources, classify,
                      [&](auto all) { reports.insert(reports.end(), all.begin(), all.end()); }};
    const auto tell = [&](const std::string& devices) {
        const size_t before = reports.size();
        const int64_t now = sources.clocks().boot_ns / 1000;
        char stamp[40];
        snprintf(stamp, sizeof stamp, "%lld.%06lld: ", static_cast<long long>(now / 1'000'000),
                 static_cast<long long>(now % 1'000'000));
        const std::string head = std::string{" xenwatch-49 [000] ..... "} + stamp;
        std::ofstream{pipes[1]} << devices << head << "device_pm_callback_start: a b\n";
        std::ofstream{pipes[0]} << head << "suspend_resume: dpm_prepare[1] begin\n"
                                << head << "suspend_resume: thaw_processes[0] end\n";
        for (int i = 0; i < 100 && reports.size() == before; ++i) {
            loop.step(std::chrono::milliseconds{100});
        }
    };
    tell("CPU:0 [LOST 1260 EVENTS]\n");
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(traces[0].find("LOST"), std::string::npos);
    EXPECT_EQ(traces[0].find("callback"), std::string::npos);
    EXPECT_EQ(reports[0].outcome, "cancelled");
    EXPECT_EQ(reports[0].checks[0].status, "inconclusive");
    tell("");
    ASSERT_EQ(reports.size(), 2U);
    EXPECT_NE(traces[1].find("callback"), std::string::npos);  // the next one is whole again
    EXPECT_EQ(reports[1].checks[0].status, "ok");
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
