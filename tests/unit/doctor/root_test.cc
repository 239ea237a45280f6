#include "agent/doctor/root.h"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/unit/doctor/fixture_tree.h"

namespace resume::agent::doctor {
namespace {

TEST(RootTest, AbsoluteLinksStayInsideTheRoot) {
    FixtureTree tree;
    tree.file("/usr/lib/os-release", "ID=inside\n").link("/etc/os-release", "/usr/lib/os-release");
    EXPECT_EQ(tree.image().line("/etc/os-release"), "ID=inside");
}

TEST(RootTest, DotDotDoesNotLeaveTheRoot) {
    FixtureTree tree;
    tree.file("/passwd", "mine").link("/etc/up", "../../../../../../passwd");
    EXPECT_EQ(tree.image().line("/etc/up"), "mine");
    EXPECT_EQ(tree.image().line("/../../passwd"), "mine");
}

TEST(RootTest, LinksThatLeadNowhereOrInCirclesDoNotExist) {
    FixtureTree tree;
    tree.link("/dev/a", "/dev/b").link("/dev/b", "a").link("/dev/gone", "../nowhere");
    EXPECT_FALSE(tree.live().exists("/dev/a"));
    EXPECT_FALSE(tree.live().exists("/dev/gone"));
    EXPECT_EQ(tree.live().link("/dev/gone"), "../nowhere");
}

TEST(RootTest, ReadsAreBounded) {
    FixtureTree tree;
    tree.file("/big", std::string(100000, 'x'));
    const Text text = tree.live().read("/big", 1000);
    EXPECT_EQ(text.text.size(), 1000U);
    EXPECT_TRUE(text.cut);
    EXPECT_NE(tree.live().read("/none").error, 0);
}

TEST(RootTest, NumbersAreWholeNumbers) {
    FixtureTree tree;
    tree.file("/a", "20000\n").file("/b", "12x\n").file("/c", "\n");
    EXPECT_EQ(tree.live().number("/a"), 20000);
    EXPECT_FALSE(tree.live().number("/b"));
    EXPECT_FALSE(tree.live().number("/c"));
    EXPECT_FALSE(tree.live().number("/d"));
}

TEST(RootTest, AFifoDoesNotBlockTheReader) {
    FixtureTree tree;
    tree.folder("/run");
    ASSERT_EQ(::mkfifo(tree.at("/run/fifo").c_str(), 0600), 0);
    EXPECT_TRUE(tree.live().read("/run/fifo").text.empty());
}

}  // namespace
}  // namespace resume::agent::doctor
