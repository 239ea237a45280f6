// The changelog is asked of a program named rpm: here, scripts of that name.
#include "agent/doctor/changelog.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "tests/unit/doctor/fixture_tree.h"

namespace resume::agent::doctor {
namespace {

constexpr const char* kCause = "- x86/idt: Annotate alloc_intr_gate() with __init (V) [1]";
constexpr const char* kFix =
    "- x86/xen: Split HVM vector callback setup and interrupt gate allocation (V) [2]";

KnownBadTable table() {
    return load_known_bad(RESUME_KNOWN_BAD, "/nonexistent");
}

TEST(ChangelogExtractTest, KeepsItsFirstLineAndWhatTheTableAsksFor) {
    ChangelogExtract extract{table()};
    const std::string text = std::string{"* Tue May 09 2023 Builder [4.18.0-477]\n- other\n"} +
                             kCause + "\n- more\n" + kFix;
    for (const char letter : text) {
        extract.add({&letter, 1});
    }
    EXPECT_EQ(extract.take(), std::string{"* Tue May 09 2023 Builder [4.18.0-477]\n"} + kCause +
                                  "\n" + kFix + "\n");
    EXPECT_EQ(extract.take(), "");
}

TEST(ChangelogExtractTest, ALineWithoutEndCostsNoMemory) {
    ChangelogExtract extract{table()};
    for (int i = 0; i < 1000; ++i) {
        extract.add(std::string(4096, 'x'));
    }
    EXPECT_LE(extract.take().size(), 4097U);
}

class ChangelogQueryTest : public ::testing::Test {
  protected:
    ChangelogQueryTest() : path_{::getenv("PATH")} {}
    ~ChangelogQueryTest() override { ::setenv("PATH", path_.c_str(), 1); }

    // `script` plays rpm; its arguments are in "$@".
    void rpm(const std::string& script) {
        tree.file("/bin/rpm", "#!/bin/sh\n" + script + "\n");
        std::filesystem::permissions(tree.at("/bin/rpm"), std::filesystem::perms::owner_all);
        ::setenv("PATH", (tree.at("/bin").string() + ":" + path_).c_str(), 1);
    }
    static Kernel kernel(const char* release) { return identify_kernel(release, {}, {}); }

    FixtureTree tree;
    std::string path_;
};

TEST_F(ChangelogQueryTest, TriesEachPackageNameUntilOneIsInstalled) {
    rpm("case \"$3\" in kernel-uek-*) echo '* Tue'; echo '" + std::string{kFix} +
        "';; *) echo not installed; exit 1;; esac");
    EXPECT_EQ(package_changelog(Root::live(), kernel("4.18.0-477.10.1.el8_8.x86_64"), table()),
              std::string{"* Tue\n"} + kFix + "\n");
    rpm("echo not installed; exit 1");
    EXPECT_EQ(package_changelog(Root::live(), kernel("4.18.0-477.10.1.el8_8.x86_64"), table()), "");
}

TEST_F(ChangelogQueryTest, AnImageIsAskedByItsOwnDatabase) {
    rpm("echo \"$1 $2 $3 $4 $5\"");
    EXPECT_EQ(package_changelog(tree.image(), kernel("4.18.0-477.10.1.el8_8.x86_64"), table()),
              "--root " + tree.at("/").string() +
                  " -q --changelog kernel-core-4.18.0-477.10.1.el8_8.x86_64\n");
}

TEST_F(ChangelogQueryTest, OtherKernelsAreNotAsked) {
    rpm("echo asked");
    EXPECT_EQ(package_changelog(Root::live(), kernel("6.1.0-44-amd64"), table()), "");
}

TEST_F(ChangelogQueryTest, TheLoopGoesOnMeanwhileAndAQueryThatIsGoneSaysNothing) {
    rpm("exec sleep 60");
    EventLoop loop;
    bool told = false;
    {
        ChangelogQuery query{loop};
        query.ask(Root::live(), kernel("4.18.0-477.10.1.el8_8.x86_64"), table(),
                  [&](const std::string&) { told = true; });
        bool ran = false;
        loop.after(std::chrono::milliseconds{0}, [&] { ran = true; });
        loop.step(std::chrono::milliseconds{1000});
        EXPECT_TRUE(ran);
    }
    EXPECT_FALSE(told);
}

}  // namespace
}  // namespace resume::agent::doctor
