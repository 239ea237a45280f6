// The lines are those of Debian's 6.1 in the KVM lab, and of the header that defines them.
#include "agent/observe/memory_failure.h"

#include <gtest/gtest.h>

namespace resume::agent {
namespace {

const std::string kLost =
    "  resume-lab-poiso-120     [001] .....    31.447621: memory_failure_event: pfn 0x1f3a2: "
    "recovery action for dirty LRU page: Recovered\n";
const std::string kStep = " sh-1 [000] ..... 2.1: suspend_resume: dpm_prepare[1] begin\n";

TEST(MemoryFailure, NamesAddressPageAndResult) {
    const auto failure = parse_memory_failure(kLost.substr(0, kLost.size() - 1));
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->address, 0x1f3a2000U);
    EXPECT_EQ(failure->page, "dirty LRU page");
    EXPECT_EQ(failure->result, "Recovered");
}

TEST(MemoryFailure, OtherLinesAndHalfOnesAreNone) {
    for (const char* line :
         {"", " sh-1 [000] ..... 2.1: suspend_resume: dpm_prepare[1] begin",
          " x-1 [000] ..... 2.1: memory_failure_event: pfn 0x",
          " x-1 [000] ..... 2.1: memory_failure_event: pfn 0x12: recovery action for ",
          " x-1 [000] ..... 2.1: memory_failure_event: pfn 0xfffffffffffffffff: recovery action "
          "for a: b",
          " x-1 [000] ..... 2.1: memory_failure_event: pfn 0xfffffffffffffff: recovery action for "
          "a: b",
          "somebody wrote of memory_failure_event: pfn 0x1"}) {
        EXPECT_FALSE(parse_memory_failure(line)) << line;
    }
}

TEST(MemoryFailure, IsTakenOutOfATraceThatIsOtherwiseLeftAlone) {
    std::string trace = kStep + kLost + kStep + kLost;
    EXPECT_EQ(take_memory_failures(trace).size(), 2U);
    EXPECT_EQ(trace, kStep + kStep);
    EXPECT_TRUE(take_memory_failures(trace).empty());
    EXPECT_EQ(trace, kStep + kStep);
}

TEST(MemoryFailure, WhatCannotBeReadIsNoSuspendEither) {
    std::string trace = " x-1 [000] ..... 2.1: memory_failure_event: pfn 0xzz\n" + kStep;
    EXPECT_TRUE(take_memory_failures(trace).empty());
    EXPECT_EQ(trace, kStep);
}

}  // namespace
}  // namespace resume::agent
