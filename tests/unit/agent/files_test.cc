#include "agent/base/files.h"

#include <errno.h>
#include <gtest/gtest.h>

#include "temp_root.h"

namespace resume::agent {
namespace {

TEST(Files, ReadsNoMoreThanTheLimit) {
    TempRoot t;
    t.put("/big", std::string(100'000, 'x'));
    EXPECT_EQ(read_file(t.root("/big"), 10), "xxxxxxxxxx");
}

TEST(Files, ANumberIsTheWholeLineOrNone) {
    TempRoot t;
    t.put("/a", " 42\n");
    t.put("/b", "42 apples\n");
    t.put("/c", "99999999999999999999\n");
    EXPECT_EQ(read_number(t.root("/a")), 42);
    EXPECT_EQ(read_number(t.root("/b")), std::nullopt);
    EXPECT_EQ(read_number(t.root("/c")), std::nullopt);
    EXPECT_EQ(read_number(t.root("/missing")), std::nullopt);
}

TEST(Files, ReplacesAFileAndLeavesNoOther) {
    TempRoot t;
    t.put("/d/f", "old");
    EXPECT_EQ(replace_file(t.root("/d/f"), "new"), 0);
    EXPECT_EQ(t.get("/d/f"), "new");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator{t.root("/d")}, {}), 1);
    EXPECT_EQ(replace_file(t.root("/missing/f"), "new"), ENOENT);
}

TEST(Files, MakesEveryFolderOfAPath) {
    TempRoot t;
    EXPECT_EQ(make_folders(t.root("/a/b/c")), 0);
    EXPECT_EQ(make_folders(t.root("/a/b/c")), 0);
    t.put("/file", "x");
    EXPECT_EQ(make_folders(t.root("/file/x")), ENOTDIR);
}

}  // namespace
}  // namespace resume::agent
