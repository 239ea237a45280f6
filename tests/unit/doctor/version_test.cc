#include "agent/doctor/version.h"

#include <gtest/gtest.h>

namespace resume::agent::doctor {
namespace {

int sign(int order) {
    return (order > 0) - (order < 0);
}

struct Row {
    const char* left;
    const char* right;
    int order;
};

// The left column's relation to the right one; each row is also tried the other way round.
const Row kRpm[] = {
    {"1.0", "1.0", 0},
    {"1.0", "2.0", -1},
    {"2.0.1", "2.0.1a", -1},
    {"5.5p1", "5.5p10", -1},
    {"10xyz", "10.1xyz", -1},
    {"xyz10", "xyz10.1", -1},
    {"xyz.4", "8", -1},
    {"5.6p1", "6.5p1", -1},
    {"6.0.rc1", "6.0", 1},
    {"10b2", "10a1", 1},
    {"1.0aa", "1.0aa", 0},
    {"1.0a", "1.0aa", -1},
    {"10.0001", "10.1", 0},
    {"10.0001", "10.0039", -1},
    {"4.999.9", "5.0", -1},
    {"2_0", "2.0", 0},
    {"a", "1", -1},
    {"1.0~rc1", "1.0", -1},
    {"1.0~rc1", "1.0~rc2", -1},
    {"1.0~rc1~git1", "1.0~rc1", -1},
    {"1.0^", "1.0", 1},
    {"1.0^git1", "1.0", 1},
    {"1.0^git1", "1.0^git2", -1},
    {"1.0^git1", "1.01", -1},
    {"1.0^20160101", "1.0.1", -1},
    {"1.0~rc1^git1", "1.0~rc1", 1},
    {"1.0^git1~pre", "1.0^git1", -1},
    {"99999999999999999999", "100000000000000000000", -1},
    {"", "", 0},
    {"", "1", -1},
};

TEST(VersionTest, OrdersAsRpmDoes) {
    for (const Row& row : kRpm) {
        EXPECT_EQ(sign(compare_rpm(row.left, row.right)), row.order)
            << row.left << " " << row.right;
        EXPECT_EQ(sign(compare_rpm(row.right, row.left)), -row.order)
            << row.left << " " << row.right;
    }
}

TEST(VersionTest, OrdersWholeRpmVersions) {
    EXPECT_LT(compare_rpm_evr("4.18.0-465", "4.18.0-466"), 0);
    EXPECT_GT(compare_rpm_evr("4.18.0-477.10.1", "4.18.0-477"), 0);
    EXPECT_LT(compare_rpm_evr("4.18.0-477.27.1", "4.18.0-488"), 0);
    EXPECT_GT(compare_rpm_evr("1:1.0-1", "2.0-1"), 0);
    EXPECT_EQ(compare_rpm_evr("4.18.0", "4.18.0-9"), 0);
}

const Row kDebian[] = {
    {"1.0-1", "1.0-1", 0},
    {"1.0-1", "1.0-2", -1},
    {"1.0~rc1-1", "1.0-1", -1},
    {"1.0-1", "1.0+b1-1", -1},
    {"1.0-1~bpo1", "1.0-1", -1},
    {"1:0.1-1", "9.9-1", 1},
    {"6.1.192-2", "6.1.99-9", 1},
    {"1.2.a", "1.2.+", -1},
    {"1.0-1", "1.0-1ubuntu1", -1},
    {"7.6-0", "7.6p2-4", -1},
    {"1.0.3-3", "1.0-1", 1},
    {"2-2-1", "2-1-9", 1},
    {"009", "9", 0},
    {"~~", "~", -1},
    {"~", "", -1},
};

TEST(VersionTest, OrdersAsDebianDoes) {
    for (const Row& row : kDebian) {
        EXPECT_EQ(sign(compare_debian(row.left, row.right)), row.order)
            << row.left << " " << row.right;
        EXPECT_EQ(sign(compare_debian(row.right, row.left)), -row.order)
            << row.left << " " << row.right;
    }
}

std::vector<Version> points(const std::vector<const char*>& texts) {
    std::vector<Version> versions;
    for (const char* text : texts) {
        versions.push_back(*parse_version(text));
    }
    return versions;
}

TEST(VersionTest, ParsesOnlyWholeVersions) {
    EXPECT_EQ(to_string(*parse_version("6.12.54")), "6.12.54");
    EXPECT_EQ(to_string(*parse_version("6.17-rc3")), "6.17-rc3");
    EXPECT_EQ(to_string(*parse_version("10.3-p17")), "10.3.17");
    for (const char* bad : {"", ".", "6.", ".6", "six", "6.1.0-13", "6.1-rc", "6.1-rcx", "-1",
                            "1.2.3.4.5.6.7.8.9", "99999999999", "10.3-p"}) {
        EXPECT_FALSE(parse_version(bad)) << bad;
    }
}

TEST(VersionTest, CandidatesComeBeforeTheRelease) {
    EXPECT_LT(compare(*parse_version("6.17-rc3"), *parse_version("6.17")), 0);
    EXPECT_LT(compare(*parse_version("6.17-rc3"), *parse_version("6.17-rc10")), 0);
    EXPECT_EQ(compare(*parse_version("6.17"), *parse_version("6.17.0")), 0);
}

TEST(VersionTest, ABranchReachesAChangeAtItsOwnPoint) {
    const auto fixed = points({"5.15.175", "6.1.121", "6.12.6", "6.13"});
    EXPECT_FALSE(reached(fixed, *parse_version("6.1.120")));
    EXPECT_TRUE(reached(fixed, *parse_version("6.1.121")));
    EXPECT_FALSE(reached(fixed, *parse_version("6.5.9"))) << "a branch without a point";
    EXPECT_FALSE(reached(fixed, *parse_version("6.13-rc7")));
    EXPECT_TRUE(reached(fixed, *parse_version("6.13")));
    EXPECT_TRUE(reached(fixed, *parse_version("6.18.44")));
    EXPECT_FALSE(reached({}, *parse_version("6.18.44")));
}

TEST(VersionTest, OldLinuxHasBranchesOfThreeNumbers) {
    EXPECT_FALSE(same_branch(*parse_version("2.6.32.1"), *parse_version("2.6.33.1")));
    EXPECT_TRUE(same_branch(*parse_version("2.6.32.1"), *parse_version("2.6.32.71")));
    EXPECT_TRUE(same_branch(*parse_version("6.1"), *parse_version("6.1.5")));
}

}  // namespace
}  // namespace resume::agent::doctor
