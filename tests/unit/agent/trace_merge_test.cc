#include "agent/observe/trace_merge.h"

#include <gtest/gtest.h>

#include <sstream>

#include "agent/base/files.h"
#include "agent/daemon/classifier.h"

namespace resume::agent {
namespace {

/// A trace as the two buffers would have it.
struct Halves {
    std::string steps{};
    std::string devices{};
};

Halves halves_of(const std::string& trace) {
    Halves halves;
    std::istringstream in{trace};
    for (std::string line; std::getline(in, line);) {
        const bool callback = line.find("device_pm_callback_") != std::string::npos;
        (callback ? halves.devices : halves.steps) += line + "\n";
        if (callback && line.find("err=-") != std::string::npos) {
            halves.steps += line + "\n";
        }
    }
    return halves;
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

TEST(TraceMerge, WhatTwoBuffersHoldIsTheTraceOfOne) {
    for (const char* name : {"kvm-s3.txt", "kvm-s2idle.txt", "kvm-device-refuses.txt",
                             "kvm-pm-test-core.txt", "xen-cancelled.txt"}) {
        const std::string trace = recorded(name);
        ASSERT_FALSE(trace.empty()) << name;
        const Halves halves = halves_of(trace);
        const auto whole = classify_trace(trace);
        const auto merged = classify_trace(merge_traces(halves.steps, halves.devices));
        EXPECT_EQ(told(merged), told(whole)) << name;
        ASSERT_EQ(merged.size(), whole.size());
        for (size_t i = 0; i < whole.size(); ++i) {
            EXPECT_EQ(merged[i].devices.size(), whole[i].devices.size());
        }
    }
}

TEST(TraceMerge, TheStepsAloneTellTheSame) {
    for (const char* name :
         {"kvm-s3.txt", "kvm-device-refuses.txt", "xen-cancelled.txt", "xen-restored.txt"}) {
        const std::string trace = recorded(name);
        EXPECT_EQ(told(classify_trace(halves_of(trace).steps)), told(classify_trace(trace)))
            << name;
    }
}

constexpr const char* kDevice = "  x-49      [000] .....   8.000000: device_pm_callback_start: a b";

TEST(TraceMerge, WhatIsNotOfTheSuspendStaysOut) {
    const std::string steps =
        " x-49 [000] ..... 8.000000: suspend_resume: dpm_prepare[1] begin\n"
        " x-49 [000] ..... 8.000000: suspend_resume: dpm_prepare[1] end\n";
    const std::string device = std::string{kDevice} + "\n";
    const std::string early = " x-49 [000] ..... 7.999999: device_pm_callback_start: a b\n";
    EXPECT_EQ(merge_traces(steps, early + "half a line\n" + device),
              steps.substr(0, steps.find('\n') + 1) + device + steps.substr(steps.find('\n') + 1));
    EXPECT_EQ(length_until(early + device + "x-49 [0", 8'000'000'000),
              early.size() + device.size());
    EXPECT_EQ(length_until(early + device, 7'999'999'000), early.size());
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
