// The report of a trace: who refused and why, how long what took, and the schema's shape.
#include <gtest/gtest.h>

#include <algorithm>

#include "libresume/oracle/trace_report.h"
#include "tests/unit/oracle/story.h"

namespace resume::oracle {
namespace {

std::vector<CycleReport> reports_of(Story& story) {
    return reports_of(story.view(), story.verdict(), "t#");
}

TEST(Report, SaysWhoRefused) {
    Story story;
    story.cancelled().aborted();
    const auto reports = reports_of(story);
    ASSERT_EQ(reports.size(), 2U);
    EXPECT_EQ(reports[0].outcome, "cancelled");
    EXPECT_FALSE(reports[0].cause);
    const CycleReport& refused = reports[1];
    EXPECT_EQ(refused.id, "t#2");
    EXPECT_EQ(refused.kind, "xen-suspend");
    EXPECT_EQ(refused.outcome, "aborted");
    ASSERT_TRUE(refused.cause);
    EXPECT_EQ(refused.cause->phase, "suspend");
    EXPECT_EQ(refused.cause->device, "disk");
    EXPECT_EQ(refused.cause->error, 16);
    EXPECT_TRUE(refused.violations.empty());
}

TEST(Report, HasEveryStepAndHookWithItsTimes) {
    Story story;
    story.resumed();
    const auto report = reports_of(story).at(0);
    EXPECT_EQ(report.outcome, "resumed");
    EXPECT_GT(report.duration_ns, 0U);
    EXPECT_EQ(report.steps.size(), 21U);
    for (const ReportStep& step : report.steps) {
        ASSERT_TRUE(step.end_ns) << step.name;
        EXPECT_GE(*step.end_ns, step.begin_ns);
    }
    const auto net = std::find_if(report.devices.begin(), report.devices.end(),
                                  [](const ReportDevice& d) { return d.name == "net"; });
    ASSERT_NE(net, report.devices.end());
    EXPECT_EQ(net->parent, "bus");
}

TEST(Report, PutsAViolationIntoItsCycle) {
    Story story;
    story.cancelled().cancelled().drop_all(EventKind::task_thawed);
    const auto reports = reports_of(story);
    EXPECT_TRUE(reports.at(0).violations.empty());
    ASSERT_FALSE(reports.at(1).violations.empty());
    EXPECT_EQ(reports[1].violations[0].id, "F2");
}

TEST(Report, WithoutACycleIsUnknown) {
    Story story;
    const auto reports = reports_of(story);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].outcome, "unknown");
    EXPECT_EQ(reports[0].checks.at(0).status, "inconclusive");
}

TEST(Report, KeepsTheOrderOfTheSchemaAndNullsWhatIsNotKnown) {
    Story story;
    story.aborted();
    const auto json = to_json(reports_of(story).at(0));
    const std::vector<std::string> expected = {
        "schema",      "id",        "kind",          "outcome",
        "confidence",  "announced", "begin_boot_ns", "begin_realtime",
        "duration_ns", "cause",     "steps",         "devices",
        "checks",      "changed",   "violations",    "sources"};
    std::vector<std::string> keys;
    for (const auto& item : json.items()) {
        keys.push_back(item.key());
    }
    EXPECT_EQ(keys, expected);
    EXPECT_TRUE(json["begin_realtime"].is_null());
    EXPECT_EQ(json["cause"]["errno_name"], "EBUSY");
    EXPECT_TRUE(json["cause"]["task"].is_null());
}

TEST(Report, SurvivesNamesThatAreNotText) {
    CycleReport report;
    report.id = "x";
    report.kind = "s3";
    report.devices.push_back({"\xff\xfe", "", "suspend", 0, {}, 0});
    EXPECT_TRUE(nlohmann::json::accept(to_line(report)));
}

}  // namespace
}  // namespace resume::oracle
