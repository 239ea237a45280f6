// Disks at the end of a migration: each mistake of the report fails first, and then does not.
#include "drivers/model/disk_host.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace resume::model {
namespace {

namespace fs = std::filesystem;

// Two disks as that host has them: names that are symlinks to devices.
class DiskHostTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "disks-XXXXXX").string();
        top_ = ::mkdtemp(name.data());
        for (const char* device : {"sp-0", "sp-1"}) {
            std::ofstream{top_ / device} << "disk";
        }
        relink("a");
        relink("b");
    }
    void TearDown() override { fs::remove_all(top_); }

    // The name of a disk: a symlink that the storage software may take away and put back.
    void relink(const std::string& name) {
        fs::remove(top_ / name);
        fs::create_symlink(top_ / (name == "a" ? "sp-0" : "sp-1"), top_ / name);
    }
    void vanish(const std::string& name) { fs::remove(top_ / name); }
    [[nodiscard]] std::string path(const std::string& name) const { return (top_ / name).string(); }

    void add_disks(DiskHost& host) const {
        ASSERT_FALSE(host.add("a", path("a"), {"virtio0"}));
        ASSERT_FALSE(host.add("b", path("b"), {"virtio1", "mirror"}));
    }

    static Outcome accept() { return {}; }
    static Outcome decline() {
        return CauseChain{{"loading the device state", "Invalid argument"}};
    }

    fs::path top_;
};

TEST_F(DiskHostTest, AMigrationThatWorksGivesTheDisksUp) {
    DiskHost host;
    add_disks(host);
    EXPECT_FALSE(host.migrate(accept));
    EXPECT_TRUE(host.guest_left());
    EXPECT_FALSE(host.guest_running());
    EXPECT_FALSE(host.active("a"));
    EXPECT_FALSE(host.active("b"));
    EXPECT_TRUE(host.migrate(accept)) << "the guest is gone";
}

TEST_F(DiskHostTest, AFailureOfTheOtherSideActivatesEverythingBeforeTheGuestRuns) {
    DiskHost host;
    add_disks(host);
    const Outcome outcome = host.migrate(decline);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->text(),
              "migration failed: the other side: loading the device state: Invalid argument");
    EXPECT_TRUE(host.guest_running());
    EXPECT_FALSE(host.broken()) << *host.broken();
    EXPECT_FALSE(host.migrate(accept)) << "the next one works";
}

// The report: a path vanishes, the migration fails half-way, the path is put right, and the next
// migration fails too, for ever.
TEST_F(DiskHostTest, WithTheBugAMigrationFailsForEverAfterOneFailed) {
    DiskHost host{{.leave_inactive = true, .no_preflight = true}};
    add_disks(host);
    vanish("b");
    EXPECT_TRUE(host.migrate(accept));
    EXPECT_TRUE(host.broken()) << "the guest runs with a disk whose users may not write";
    relink("b");
    for (int i = 0; i < 3; ++i) {
        const Outcome outcome = host.migrate(accept);
        ASSERT_TRUE(outcome) << "the path is there again, and still";
        EXPECT_EQ(outcome->innermost(), "Operation not permitted");
    }
}

TEST_F(DiskHostTest, APartialInactivationIsUndoneAndTheNextMigrationWorks) {
    DiskHost host{{.no_preflight = true}};
    add_disks(host);
    vanish("b");
    const Outcome outcome = host.migrate(accept);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->text(), "migration failed: inactivating the disks: disk 'b': open '" +
                                   path("b") + "': No such file or directory");
    EXPECT_TRUE(host.guest_running());
    EXPECT_FALSE(host.broken());
    EXPECT_EQ(host.reopened("a"), 2) << "given up, and taken back";
    EXPECT_EQ(host.reopened("b"), 0);
    relink("b");
    EXPECT_FALSE(host.migrate(accept));
    EXPECT_TRUE(host.guest_left());
}

TEST_F(DiskHostTest, OfTwoDisksTheOneThatWasNeverTouchedStaysAsItIs) {
    DiskHost host{{.no_preflight = true}};
    add_disks(host);
    vanish("a");
    ASSERT_TRUE(host.migrate(accept));
    EXPECT_FALSE(host.broken());
    EXPECT_EQ(host.reopened("a"), 0);
    EXPECT_EQ(host.reopened("b"), 0) << "a failed first: nobody needed to touch b";
    relink("a");
    EXPECT_FALSE(host.migrate(accept));
}

TEST_F(DiskHostTest, WithTheBugAVanishedPathShowsOnlyWhenTheGuestIsDown) {
    DiskHost host{{.no_preflight = true}};
    add_disks(host);
    vanish("b");
    EXPECT_TRUE(host.migrate(accept));
    EXPECT_EQ(host.times_down(), 1);
}

TEST_F(DiskHostTest, AVanishedPathIsRefusedBeforeTheGuestIsDown) {
    DiskHost host;
    add_disks(host);
    vanish("b");
    const Outcome outcome = host.migrate(accept);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(host.times_down(), 0);
    EXPECT_TRUE(host.guest_running());
    EXPECT_EQ(host.reopened("a"), 0) << "nothing was changed";
    EXPECT_EQ(outcome->text(), "migration refused, the guest runs on: disk 'b': open '" +
                                   path("b") + "': No such file or directory");
}

TEST_F(DiskHostTest, APathThatLeadsToAnotherDiskNowIsRefusedToo) {
    DiskHost host;
    add_disks(host);
    vanish("b");
    fs::create_symlink(top_ / "sp-0", top_ / "b");
    const Outcome outcome = host.migrate(accept);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->innermost(), "'" + path("b") + "' is another file now");
    EXPECT_EQ(host.times_down(), 0);
}

TEST_F(DiskHostTest, WithTheBugTheCauseIsSwallowed) {
    DiskHost host{{.swallow_cause = true, .no_preflight = true}};
    add_disks(host);
    vanish("b");
    EXPECT_EQ(host.migrate(accept)->text(), "inactivating the disks failed (-1)");
}

// The path goes while the other side works: the guest may not run on an inactive disk.
TEST_F(DiskHostTest, AGuestWhoseDiskDoesNotComeBackStaysDownAndSaysWhy) {
    DiskHost host;
    add_disks(host);
    const Outcome outcome = host.migrate([&] {
        vanish("a");
        return decline();
    });
    ASSERT_TRUE(outcome);
    EXPECT_FALSE(host.guest_running());
    EXPECT_FALSE(host.broken());
    EXPECT_EQ(outcome->causes.front(), "the guest stays down");
    EXPECT_EQ(outcome->innermost(), "No such file or directory");
    EXPECT_NE(outcome->text().find("loading the device state: Invalid argument"),
              std::string::npos);
}

TEST_F(DiskHostTest, EachPlaceOfFailureLeavesAWorkingHost) {
    for (const char* first : {"a", "b"}) {
        for (const bool late : {false, true}) {
            DiskHost host{{.no_preflight = true}};
            add_disks(host);
            if (!late) {
                vanish(first);
            }
            for (int i = 0; i < 3; ++i) {
                ASSERT_TRUE(host.migrate(decline));
                ASSERT_FALSE(host.broken());
            }
            relink(first);
            EXPECT_FALSE(host.migrate(accept)) << first << late;
        }
    }
}

TEST_F(DiskHostTest, ADiskThatCannotBeOpenedIsNotAdded) {
    DiskHost host;
    const Outcome outcome = host.add("c", path("c"), {"virtio2"});
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->text(), "disk 'c': open '" + path("c") + "': No such file or directory");
}

}  // namespace
}  // namespace resume::model
