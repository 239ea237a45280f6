#include "agent/doctor/finding.h"

#include <gtest/gtest.h>

namespace resume::agent::doctor {
namespace {

Finding finding(const char* id, Verdict verdict) {
    Finding made;
    made.id = id;
    made.verdict = verdict;
    return made;
}

TEST(FindingTest, TheNodeNamesTheWorstFirst) {
    EXPECT_EQ(verdict_node({}), "safe");
    EXPECT_EQ(verdict_node({finding("clocksource", Verdict::ok)}), "safe");
    EXPECT_EQ(verdict_node({finding("a", Verdict::unknown), finding("b", Verdict::warning),
                            finding("c", Verdict::ok), finding("d", Verdict::unsafe)}),
              "unsafe d b a");
    EXPECT_EQ(verdict_node({finding("a", Verdict::unknown)}), "unknown a");
}

TEST(FindingTest, TheNodeIsBounded) {
    std::vector<Finding> many;
    for (int i = 0; i < 100; ++i) {
        many.push_back(finding("a-check-with-a-rather-long-name", Verdict::warning));
    }
    const std::string node = verdict_node(many);
    EXPECT_LE(node.size(), 512U);
    EXPECT_EQ(node.substr(node.size() - 9), " and-more");
    many.resize(1);
    EXPECT_EQ(verdict_node(many, 39), "warning a-check-with-a-rather-long-name") << "fits exactly";
    EXPECT_EQ(verdict_node(many, 38), "warning and-more");
}

TEST(FindingTest, ExitCodesFollowTheVerdict) {
    EXPECT_EQ(exit_code(Verdict::ok), 0);
    EXPECT_EQ(exit_code(Verdict::warning), 1);
    EXPECT_EQ(exit_code(Verdict::unsafe), 2);
    EXPECT_EQ(exit_code(Verdict::unknown), 3);
}

TEST(FindingTest, FailOnForgivesWhatIsBetter) {
    EXPECT_EQ(exit_code(Verdict::unknown, Verdict::warning), 0);
    EXPECT_EQ(exit_code(Verdict::warning, Verdict::warning), 1);
    EXPECT_EQ(exit_code(Verdict::unsafe, Verdict::warning), 2);
    EXPECT_EQ(exit_code(Verdict::warning, Verdict::unsafe), 0);
    EXPECT_EQ(exit_code(Verdict::unsafe, Verdict::unsafe), 2);
}

}  // namespace
}  // namespace resume::agent::doctor
