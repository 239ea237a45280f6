#include <errno.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <nlohmann/json.hpp>

#include "agent/report/cycle_log.h"
#include "agent/report/journal.h"
#include "agent/report/metrics.h"
#include "agent/report/store_publisher.h"
#include "agent/report/timeline.h"
#include "temp_root.h"

namespace resume::agent {
namespace {

using nlohmann::json;

std::vector<std::string> reports_of(const std::string& path, size_t limit = 1 << 20) {
    std::vector<std::string> lines;
    EXPECT_EQ(for_each_report(path, limit, [&](std::string_view l) { lines.emplace_back(l); }), 0);
    return lines;
}

TEST(CycleLog, KeepsLinesInOrder) {
    TempRoot t;
    CycleLog log{t.root("/state"), 4096};
    EXPECT_EQ(log.append("{\"n\":1}"), 0);
    EXPECT_EQ(log.append("{\"n\":2}"), 0);
    EXPECT_EQ(reports_of(log.path()), (std::vector<std::string>{"{\"n\":1}", "{\"n\":2}"}));
}

TEST(CycleLog, NeverGrowsPastItsBoundAndKeepsOneOldFile) {
    TempRoot t;
    CycleLog log{t.root("/state"), 1000};
    for (int i = 0; i < 200; ++i) {
        ASSERT_EQ(log.append("{\"n\":" + std::to_string(i) + "}"), 0);
        ASSERT_LE(std::filesystem::file_size(log.path()), 1000u);
    }
    EXPECT_LE(std::filesystem::file_size(log.old_path()), 1000u);
    EXPECT_EQ(reports_of(log.path()).back(), "{\"n\":199}");
}

TEST(CycleLog, WhatIsPushedOutLosesItsDevicesAndNothingElse) {
    TempRoot t;
    CycleLog log{t.root("/state"), 8000};
    const std::string devices = std::string(1000, 'x');
    for (int i = 0; i < 100; ++i) {
        const json report{{"id", i}, {"outcome", "cancelled"}, {"devices", {devices}}};
        ASSERT_EQ(log.append(report.dump()), 0);
    }
    auto all = reports_of(log.old_path());
    const auto fresh = reports_of(log.path());
    EXPECT_EQ(json::parse(fresh.back())["devices"][0], devices);
    all.insert(all.end(), fresh.begin(), fresh.end());
    ASSERT_EQ(all.size(), 100u);
    for (size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(json::parse(all[i])["id"], i);
        EXPECT_EQ(json::parse(all[i])["outcome"], "cancelled");
    }
    EXPECT_EQ(json::parse(all.front())["cut"], true);
}

TEST(CycleLog, ACrashBetweenBothFilesDoublesNothing) {
    TempRoot t;
    CycleLog log{t.root("/state"), 100};
    t.put("/state/cycles.jsonl.1", "{\"n\":1}\n{\"n\":2}\n");
    t.put("/state/cycles.jsonl", "{\"n\":2}\n{\"n\":3}\n" + std::string(80, '-'));
    EXPECT_EQ(log.append("{\"n\":4}"), 0);
    EXPECT_EQ(reports_of(log.old_path()),
              (std::vector<std::string>{"{\"n\":1}", "{\"n\":2}", "{\"n\":3}"}));
    EXPECT_EQ(reports_of(log.path()), (std::vector<std::string>{"{\"n\":4}"}));
}

TEST(CycleLog, ALineThatACrashCutDoesNotSpoilTheNext) {
    TempRoot t;
    t.put("/state/cycles.jsonl", "{\"n\":1}\n{\"n\":");
    CycleLog log{t.root("/state"), 4096};
    EXPECT_EQ(log.append("{\"n\":3}"), 0);
    const auto lines = reports_of(log.path());
    EXPECT_EQ(lines.back(), "{\"n\":3}");
    EXPECT_EQ(lines.front(), "{\"n\":1}");
}

TEST(CycleLog, RefusesALineThatWouldPushOutAllOthers) {
    TempRoot t;
    CycleLog log{t.root("/state"), 1000};
    EXPECT_EQ(log.append(std::string(251, 'x')), EFBIG);
}

TEST(CycleLog, ReadsOnlyTheEndOfALongFile) {
    TempRoot t;
    std::string text;
    for (int i = 0; i < 1000; ++i) {
        text += "{\"n\":" + std::to_string(i) + "}\n";
    }
    t.put("/f", text);
    const auto lines = reports_of(t.root("/f"), 30);
    EXPECT_EQ(lines.back(), "{\"n\":999}");
    EXPECT_LE(lines.size(), 3u);
}

TEST(Journal, FieldsOfMoreLinesCarryTheirLength) {
    const std::string bytes = Journal::encode({{"A", "b"}, {"C", "d\ne"}});
    EXPECT_EQ(bytes, std::string("A=b\nC\n\3\0\0\0\0\0\0\0d\ne\n", 18));
}

TEST(Journal, NoJournalIsAnErrorAndNothingElse) {
    TempRoot t;
    Journal journal{t.root("/none")};
    EXPECT_EQ(journal.send({{"MESSAGE", "x"}}), ENOENT);
}

TEST(Journal, SendsOneDatagramAnEntry) {
    TempRoot t;
    const UniqueFd socket{::socket(AF_UNIX, SOCK_DGRAM, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    t.root("/j").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    Journal journal{t.root("/j")};
    EXPECT_EQ(journal.send({{"MESSAGE", "x"}}), 0);
    char buffer[64];
    EXPECT_EQ(::recv(socket.get(), buffer, sizeof buffer, 0), 10);
}

TEST(Metrics, CountsByKindAndOutcome) {
    Metrics metrics;
    metrics.add("s3", "resumed", 1'500'000'000, 250'000'000);
    metrics.add("s3", "resumed", 2'000'000'000, 1'000'000'000);
    const std::string text = metrics.text();
    EXPECT_NE(text.find("libresume_cycles_total{kind=\"s3\",outcome=\"resumed\"} 2\n"),
              std::string::npos);
    EXPECT_NE(text.find("libresume_last_cycle_duration_seconds 1.000000000\n"), std::string::npos);
}

TEST(StorePublisher, ALongReportIsCutToANodeAndStaysJson) {
    json report{{"schema", "cycle-1"},
                {"id", "x"},
                {"kind", "s3"},
                {"outcome", "aborted"},
                {"cause", {{"device", "vda"}, {"detail", std::string(900, 'd')}}}};
    for (int i = 0; i < 500; ++i) {
        report["devices"].push_back({{"name", i}, {"phase", "suspend"}});
    }
    const std::string cut = cut_report(report.dump());
    EXPECT_LE(cut.size(), kMostLastBytes);
    const json back = json::parse(cut);
    EXPECT_EQ(back["outcome"], "aborted");
    EXPECT_EQ(back["cause"]["device"], "vda");
    EXPECT_FALSE(back.contains("devices"));
}

TEST(StorePublisher, WritesEverythingAgainInANewDomain) {
    std::vector<std::string> writes;
    StorePublisher publisher{[&](std::string_view path, std::string_view value) {
        writes.push_back(std::string{path} + "=" + std::string{value});
        return 0;
    }};
    publisher.set("state", "up");
    writes.clear();
    publisher.publish_all();
    EXPECT_EQ(writes,
              (std::vector<std::string>{"data/resume/state=up", "data/resume/version=1 0.1.0"}));
}

TEST(Timeline, NothingInAReportEndsTheScript) {
    const std::string page = timeline_page({R"({"id":"</script><b>"})"});
    EXPECT_EQ(page.find("</script><b>"), std::string::npos);
    EXPECT_NE(page.find(R"(\u003c/script>\u003cb>)"), std::string::npos);
}

}  // namespace
}  // namespace resume::agent
