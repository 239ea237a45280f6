#include "agent/observe/trace_merge.h"

#include <gtest/gtest.h>

#include <sstream>

#include "agent/base/files.h"
#include "agent/daemon/classifier.h"

namespace resume::agent {
namespace {

/// What the steps' buffer has of a trace: devices only where they failed.
std::string steps_of(const std::string& trace) {
    std::string steps;
    std::istringstream in{trace};
    for (std::string line; std::getline(in, line);) {
        const bool callback = line.find("device_pm_callback_") != std::string::npos;
        if (!callback || line.find("err=-") != std::string::npos) {
            steps += line + "\n";
        }
    }
    return steps;
}

std::string recorded(const char* name) {
    return read_file(std::string{RESUME_TRACES "/"} + name, 1U << 20).value_or("");
}

std::string told(const std::vector<oracle::CycleReport>& reports) {
    std::string text;
    for (const auto& report : reports) {
        text += report.kind + " " + report.outcome + " " +
                (report.cause ? report.cause->device + " " + report.cause->phase : "") + " " +
                std::to_string(report.violations.size()) + " ";
    }
    return text;
}

TEST(TraceMerge, TheDevicesBufferHasTheSameStepsWithMoreBetweenThem) {
    for (const char* name : {"kvm-s3.txt", "kvm-s2idle.txt", "kvm-device-refuses.txt",
                             "kvm-pm-test-core.txt", "xen-cancelled.txt"}) {
        const std::string trace = recorded(name);
        ASSERT_FALSE(trace.empty()) << name;
        const std::string twice = trace + trace;
        const auto first = same_steps(steps_of(trace), twice);
        ASSERT_TRUE(first) << name;
        EXPECT_LE(first->end, trace.size());
        EXPECT_FALSE(first->late);
        EXPECT_EQ(told(classify_trace(twice.substr(first->begin, first->end - first->begin))),
                  told(classify_trace(trace)));
        const auto both = same_steps(steps_of(twice), twice);
        ASSERT_TRUE(both) << name;
        EXPECT_GT(both->end, trace.size());
    }
}

TEST(TraceMerge, TheStepsAloneTellTheSame) {
    for (const char* name :
         {"kvm-s3.txt", "kvm-device-refuses.txt", "xen-cancelled.txt", "xen-restored.txt"}) {
        const std::string trace = recorded(name);
        EXPECT_EQ(told(classify_trace(steps_of(trace))), told(classify_trace(trace))) << name;
    }
}

constexpr const char* kDevice = "  x-49      [000] .....   8.000000: device_pm_callback_start: a b";

std::string at(const char* stamp, const char* what) {
    return std::string{" x-49 [000] ..... "} + stamp + ": suspend_resume: " + what + "\n";
}

TEST(TraceMerge, WhatIsNotOfTheSuspendStaysOut) {
    const std::string device = std::string{kDevice} + "\n";
    const std::string begin = at("8.000000", "dpm_prepare[1] begin");
    const std::string end = at("8.000000", "dpm_prepare[1] end");
    const auto part = same_steps(begin + end, device + begin + device + end + device);
    ASSERT_TRUE(part);
    EXPECT_EQ(part->begin, device.size());
    EXPECT_EQ(part->end, 2 * device.size() + begin.size() + end.size());
    EXPECT_EQ(length_until(begin + device + "x-49 [0", 8'000'000'000),
              begin.size() + device.size());
    EXPECT_EQ(length_until(begin + device, 7'999'999'000), 0U);
}

TEST(TraceMerge, StepsThatAreNotAllThereAreNone) {
    const std::string begin = at("8.000000", "dpm_prepare[1] begin");
    const std::string end = at("8.000000", "dpm_prepare[1] end");
    EXPECT_FALSE(same_steps(begin + end, end));
    EXPECT_FALSE(same_steps(begin + end, begin + "half a line"));
    EXPECT_FALSE(same_steps(begin + end, begin + end.substr(0, end.size() - 1)));
    EXPECT_FALSE(same_steps("", begin));
    EXPECT_FALSE(same_steps("no step\n", begin));
}

// 100 fast cycles are alike to the last step: a suspend whose devices were thrown away must not be
// told with those of the next one.
TEST(TraceMerge, TheSameStepsOfAnotherSuspendAreNotThese) {
    const auto suspend = [](const char* from, const char* until) {
        return at(from, "dpm_prepare[1] begin") + at(until, "thaw_processes[0] end");
    };
    const std::string first = suspend("8.000000", "8.070000");
    const std::string second = suspend("8.150000", "8.220000");
    EXPECT_FALSE(same_steps(first, second));
    EXPECT_EQ(same_steps(second, first + second)->begin, first.size());
}

// q35's S3: behind the sleep one CPU of the steps' buffer was 6.6 ms late for good, and each hook
// of dpm_resume_noirq seemed to run before its phase.
TEST(TraceMerge, ABufferThatStampsLateAfterASleepIsSeen) {
    const std::string down = at("8.107684", "syscore_resume[0] begin");
    const std::string right = down + at("8.109892", "CPU_ON[1] begin");
    const std::string late = down + at("8.116489", "CPU_ON[1] begin");
    EXPECT_FALSE(same_steps(late, right)->late);  // the devices' buffer is the one that is used
    EXPECT_TRUE(same_steps(right, late)->late);
}

TEST(TraceMerge, AStampIsATimeOrNone) {
    EXPECT_EQ(stamp_of(kDevice), 8'000'000'000);
    for (const char* text :
         {"", "\n", ": suspend_resume: ", "8.0: suspend_resume: x", "-8.000000: suspend_resume: x",
          "99999999999999.000000: suspend_resume: x", "8.00000x: device_pm_callback_end: x"}) {
        EXPECT_EQ(stamp_of(text), std::nullopt) << text;
        EXPECT_EQ(first_stamp(text), std::nullopt);
        EXPECT_EQ(last_stamp(text), std::nullopt);
    }
    EXPECT_EQ(last_stamp(std::string{kDevice} + "\n\nx\n"), 8'000'000'000);
}

}  // namespace
}  // namespace resume::agent
