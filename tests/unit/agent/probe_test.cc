#include "agent/act/probe.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent/act/coordinator.h"
#include "temp_root.h"

namespace resume::agent {
namespace {

/// What the real helper says up to its ".".
std::string ask(const Helper& helper, const std::string& text) {
    EXPECT_EQ(helper.send(text), 0);
    std::string said;
    char chunk[512];
    for (ssize_t count = 1; count > 0 && !said.ends_with(".\n");) {
        count = ::recv(helper.fd(), chunk, sizeof chunk, 0);
        said.append(chunk, count > 0 ? static_cast<size_t>(count) : 0);
    }
    return said;
}

TEST(ProbeHelper, SaysOneThingOfEachDisk) {
    TempRoot t;
    t.put("/disk", std::string(8192, 'x'));
    Helper helper;
    ASSERT_EQ(helper.start({.socket = t.root("/none"), .program = RESUME_PROBE}), 0);
    EXPECT_EQ(ask(helper, "probe 1000\n"), ".\n");
    const std::string said =
        ask(helper, "disk a " + t.root("/disk") + "\ndisk b /nonexistent\nprobe 2000\n");
    EXPECT_NE(said.find("a "), std::string::npos);
    EXPECT_NE(said.find("b failed 2\n"), std::string::npos);
    // Forgotten, and the other one is asked again.
    EXPECT_EQ(ask(helper, "forget a\nrubbish\nprobe 2000\n"), "b failed 2\n.\n");
    helper.end();  // returns: it has ended by itself
}

class ProbeTest : public ::testing::Test {
  protected:
    void SetUp() override {
        t.put("/sys/block/vda/stat", "1 0 8 5 0 0 0 0 0 0 0\n");
        t.put("/sys/block/vda/device/x", "");
        t.put("/sys/block/sr0/stat", "1 0 8 5 0 0 0 0 0 0 0\n");
        t.put("/sys/block/sr0/device/x", "");
        t.put("/sys/block/sr0/removable", "1\n");
        coordinator.add(probe);
    }
    void TearDown() override { coordinator.detach(); }
    /// A helper that answers each probe with `lines`.
    void helper_says(const std::string& lines) {
        t.put("/helper", "#!/bin/sh\nwhile read word rest; do echo $word $rest >> " +
                             t.root("/log") + "\n[ $word = probe ] && printf '" + lines +
                             "'\ndone\n");
        ::chmod(t.root("/helper").c_str(), 0755);
    }
    std::string resumed(std::vector<oracle::ReportCheck> checks = {}) {
        const size_t given = checks.size();
        oracle::CycleReport report;
        report.kind = "s3";
        report.outcome = "resumed";
        report.checks = std::move(checks);
        coordinator.deliver(report);
        coordinator.run_delivered();
        std::string said;
        const auto& all = coordinator.cycle().report.checks;
        for (size_t i = given; i < all.size(); ++i) {
            said += all[i].status + " " + all[i].id + ": " + all[i].detail + "\n";
        }
        return said;
    }

    TempRoot t;
    EventLoop loop;
    Config config;
    Coordinator coordinator{loop, t.root("/announced")};
    ProbeParticipant probe{coordinator.cycle(),
                           loop,
                           config,
                           t.root,
                           {.socket = t.root("/none"), .program = t.root("/helper")}};
};

TEST_F(ProbeTest, IsNotDoneUnasked) {
    helper_says("vda ok\\n.\\n");
    EXPECT_EQ(resumed(), "");
    EXPECT_EQ(t.get("/log"), "");
}

TEST_F(ProbeTest, AsksTheDisksThatAreThere) {
    helper_says("vda ok\\n.\\n");
    config.disk_probe = "read";
    EXPECT_EQ(resumed(), "ok probe: 1 disks answered a read\n");
    EXPECT_EQ(t.get("/log"), "disk vda " + t.root("/dev/vda") + "\nprobe 2000\n");
}

TEST_F(ProbeTest, ASilentDiskIsDead) {
    helper_says("vda silent\\n.\\n");
    config.disk_probe = "read";
    EXPECT_EQ(resumed(), "failed disk:vda: no answer to a read within 2000 ms\n");
}

TEST_F(ProbeTest, ASuspectIsNotTouched) {
    helper_says(".\\n");
    config.disk_probe = "read";
    resumed({{"disk:vda", "failed", "requests in flight"}});
    EXPECT_EQ(t.get("/log"), "probe 2000\n");
}

TEST_F(ProbeTest, AHelperThatIsNotThereIsNoFindingAboutADisk) {
    config.disk_probe = "read";
    EXPECT_EQ(resumed(), "inconclusive probe: the helper is not there\n");
}

}  // namespace
}  // namespace resume::agent
