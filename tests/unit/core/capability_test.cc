// The capability contract: what is needed, what travels, what is refused.
#include "libresume/capability.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace resume {
namespace {

struct State {
    bool smi_pending = false;
};
struct Target {
    bool has_smi = true;
};

constexpr Capability kRows[] = {
    {"cpu.smi_count",
     [](const void* state) noexcept { return static_cast<const State*>(state)->smi_pending; },
     [](const void* target) noexcept { return static_cast<const Target*>(target)->has_smi; }},
    {"cpu.base", nullptr, nullptr},
};
constexpr Contract kContract{kRows, 2};

NeedList list(const std::vector<const char*>& items) {
    NeedList needs;
    for (const char* item : items) {
        EXPECT_TRUE(needs.add(item).ok()) << item;
    }
    return needs;
}

TEST(CapabilityTest, OnlyWhatTheStateNeedsTravels) {
    NeedList needs;
    ASSERT_TRUE(collect_needs(kContract, std::make_unique<State>().get(), needs).ok());
    ASSERT_EQ(needs.size(), 1U);
    EXPECT_STREQ(needs.at(0), "cpu.base");
    const State pending{true};
    ASSERT_TRUE(collect_needs(kContract, &pending, needs).ok());
    EXPECT_EQ(needs.size(), 2U);
}

TEST(CapabilityTest, ANeedThatThisSideCannotRestoreIsRefused) {
    const Target old{false};
    LoadReport report;
    const auto result =
        check_needs(list({"cpu.base", "cpu.smi_count"}), kContract, &old, {}, report);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, Errc::unsupported);
    EXPECT_EQ(result.error().detail, 1);
    EXPECT_EQ(report.count, 2U);
    EXPECT_EQ(report.fates[0], ItemFate::restored);
    EXPECT_EQ(report.fates[1], ItemFate::not_restorable);
}

TEST(CapabilityTest, AnItemThatThisSideDoesNotKnowIsRefused) {
    const Target target;
    LoadReport report;
    EXPECT_FALSE(check_needs(list({"cpu.later"}), kContract, &target, {}, report).ok());
    EXPECT_EQ(report.fates[0], ItemFate::unknown_here);
}

TEST(CapabilityTest, AWaiverIsForThisVeryItem) {
    const Target old{false};
    const auto refused = [&](const char* waiver) {
        const Waivers waivers{&waiver, 1};
        LoadReport report;
        const bool ok = check_needs(list({"cpu.smi_count"}), kContract, &old, waivers, report).ok();
        EXPECT_EQ(report.fates[0], ok ? ItemFate::waived : ItemFate::not_restorable);
        return !ok;
    };
    EXPECT_FALSE(refused("cpu.smi_count"));
    for (const char* other : {"cpu.smi_coun", "cpu.smi_count2", "cpu.*", "cpu", "", "*"}) {
        EXPECT_TRUE(refused(other)) << other;
    }
}

TEST(CapabilityTest, AllItemsAreJudgedAfterTheFirstRefusal) {
    const Target old{false};
    LoadReport report;
    EXPECT_FALSE(check_needs(list({"a", "cpu.base", "b"}), kContract, &old, {}, report).ok());
    EXPECT_EQ(report.refused, 2U);
    EXPECT_EQ(report.fates[1], ItemFate::restored);
    EXPECT_EQ(report.fates[2], ItemFate::unknown_here);
}

TEST(CapabilityTest, NamesAreBounded) {
    NeedList needs;
    EXPECT_TRUE(needs.add(std::string(47, 'x').c_str()).ok());
    EXPECT_EQ(needs.add(std::string(48, 'x').c_str()).error().code, Errc::invalid);
    EXPECT_EQ(needs.add("").error().code, Errc::invalid);
    EXPECT_EQ(needs.add(std::string(47, 'x').c_str()).error().code, Errc::exists);
    for (uint32_t i = 1; i < NeedList::kNeedsMax; ++i) {
        EXPECT_TRUE(needs.add(std::to_string(i).c_str()).ok());
    }
    EXPECT_EQ(needs.add("one more").error().code, Errc::no_space);
}

TEST(CapabilityTest, TheListGoesThroughTheStream) {
    const NeedList sent = list({"cpu.base", "cpu.smi_count"});
    uint8_t bytes[64];
    const auto used = sent.encode(bytes, sizeof bytes);
    ASSERT_TRUE(used.ok());
    EXPECT_EQ(sent.encode(bytes, used.value() - 1).error().code, Errc::no_space);
    NeedList got;
    EXPECT_EQ(got.decode(bytes, sizeof bytes).value(), used.value());
    ASSERT_EQ(got.size(), 2U);
    EXPECT_STREQ(got.at(1), "cpu.smi_count");
    for (size_t cut = 0; cut < used.value(); ++cut) {
        EXPECT_FALSE(got.decode(bytes, cut).ok()) << cut;
        EXPECT_EQ(got.size(), 0U);
    }
}

TEST(CapabilityTest, AStreamWithNonsenseIsMalformed) {
    NeedList got;
    const std::vector<std::vector<uint8_t>> bad{
        {}, {33}, {1}, {1, 0}, {1, 48, 'a'}, {1, 2, 'a', 0}, {2, 1, 'a'}, {2, 1, 'a', 1, 'a'}};
    for (const auto& bytes : bad) {
        EXPECT_EQ(got.decode(bytes.data(), bytes.size()).error().code, Errc::malformed);
    }
    const uint8_t none = 0;
    EXPECT_EQ(got.decode(&none, 1).value(), 1U);
}

}  // namespace
}  // namespace resume
