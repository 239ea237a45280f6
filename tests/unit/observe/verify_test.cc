// resumectl verify: exit codes, what is said where, and both formats in one file.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "agent/ctl/exit_codes.h"
#include "agent/ctl/verify.h"
#include "tests/unit/observe/kernel_story.h"

namespace resume::agent {
namespace {

constexpr const char* kOurs =
    "lrt libresume-trace 1\n"
    "lrt frequency 1000000000\n"
    "lrt guest kvm vcpus 1\n"
    "lrt lost 0\n"
    "lrt device 1 0 none disk\n"
    "lrt event 10 0 engine cycle_begin 0 none 1 0x1 0x0\n"
    "lrt event 11 0 engine step_begin 0 none 0 0x1 0x0\n"
    "lrt event 12 0 engine hook_begin 1 prepare 0 0x0 0x0\n"
    "lrt event 13 0 engine hook_end 1 prepare 1 0x0 0xfffffffffffffff0\n"
    "lrt event 14 0 engine step_end 0 none 1 0x1 0x0\n"
    "lrt event 15 0 engine outcome_known 0 none 0 0x0 0x0\n"
    "lrt event 16 0 engine cycle_end 0 none 0 0x0 0x0\n"
    "lrt end 7\n";

class Verify : public testing::Test {
  protected:
    std::string write(const std::string& text) {
        const std::string path = testing::TempDir() + "verify_" +
                                 testing::UnitTest::GetInstance()->current_test_info()->name() +
                                 std::to_string(count_++) + ".txt";
        std::ofstream{path, std::ios::binary} << text;
        paths_.push_back(path);
        return path;
    }

    int run(std::vector<std::string> files, bool json = false) {
        out_.str("");
        err_.str("");
        return verify({std::move(files), json}, out_, err_);
    }

    ~Verify() override {
        for (const std::string& path : paths_) {
            std::remove(path.c_str());
        }
    }

    std::ostringstream out_;
    std::ostringstream err_;
    std::vector<std::string> paths_;
    int count_ = 0;
};

TEST_F(Verify, PassesCleanTracesOfBothKinds) {
    EXPECT_EQ(run({write(kOurs), write(KernelStory{}.xen(64).text())}), kExitGood) << out_.str();
    EXPECT_NE(out_.str().find("2 cycles: 2 clean, 0 with violations, 0 inconclusive"),
              std::string::npos)
        << out_.str();
}

TEST_F(Verify, ReadsBothKindsOutOfOneFile) {
    EXPECT_EQ(run({write(KernelStory{}.xen(32).text() + kOurs + KernelStory{}.s3().text())}),
              kExitGood);
    EXPECT_NE(out_.str().find("3 cycles"), std::string::npos) << out_.str();
}

TEST_F(Verify, SaysWhoRefused) {
    EXPECT_EQ(run({write(kOurs)}), kExitGood);
    EXPECT_NE(out_.str().find("stopped in prepare by disk: EBUSY"), std::string::npos)
        << out_.str();
}

TEST_F(Verify, FailsOnAViolation) {
    EXPECT_EQ(run({write(KernelStory{}.xen(32).without("thaw_processes"))}), kExitFinding);
    EXPECT_NE(out_.str().find("VIOLATION F2"), std::string::npos) << out_.str();
}

TEST_F(Verify, IsInconclusiveWhereEventsWereLost) {
    EXPECT_EQ(run({write("CPU:0 [LOST 5 EVENTS]\n" + KernelStory{}.xen(32).text())}),
              kExitInconclusive);
    std::string ours = kOurs;
    ours.replace(ours.find("lost 0"), 6, "lost 9");
    EXPECT_EQ(run({write(ours)}), kExitInconclusive);
    EXPECT_EQ(run({write(KernelStory{}.head().text())}), kExitInconclusive);
}

TEST_F(Verify, NamesFileLineAndCauseOfWhatItCannotRead) {
    const std::string bad = write("# hello\nlrt libresume-trace 1\nlrt device x\n");
    EXPECT_EQ(run({bad}), kExitUnreadable);
    EXPECT_NE(err_.str().find(bad + ":3: device id is not a number that fits: 'x'"),
              std::string::npos)
        << err_.str();
    EXPECT_EQ(run({"/nonexistent/trace"}), kExitUnreadable);
    EXPECT_NE(err_.str().find("/nonexistent/trace: No such file or directory"), std::string::npos);
    EXPECT_EQ(run({write("dear diary\n")}), kExitUnreadable);
    EXPECT_EQ(run({write("")}), kExitUnreadable);
    EXPECT_EQ(run({"/tmp"}), kExitUnreadable);
}

TEST_F(Verify, PutsWhatIsUnreadableBeforeWhatIsViolated) {
    const std::string violated = write(KernelStory{}.xen(32).without("thaw_processes"));
    EXPECT_EQ(run({violated, "/nonexistent/trace"}), kExitUnreadable);
    EXPECT_EQ(run({violated, write("CPU:0 [LOST 5 EVENTS]\n" + KernelStory{}.s3().text())}),
              kExitFinding);
}

TEST_F(Verify, WritesOneReportALine) {
    EXPECT_EQ(run({write(KernelStory{}.xen(32).xen_refused().text() + kOurs)}, true), kExitGood);
    std::istringstream lines{out_.str()};
    std::string line;
    std::vector<std::string> outcomes;
    while (std::getline(lines, line)) {
        const auto report = nlohmann::json::parse(line);
        EXPECT_EQ(report["schema"], "cycle-1");
        outcomes.push_back(report["outcome"]);
    }
    EXPECT_EQ(outcomes, (std::vector<std::string>{"cancelled", "aborted", "aborted"}));
}

}  // namespace
}  // namespace resume::agent
