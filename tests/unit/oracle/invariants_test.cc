// Each invariant that is checked is broken by a story of its own and nothing else is said of the
// clean stories.
#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <vector>

#include "libresume/oracle/invariants.h"
#include "tests/unit/oracle/breach.h"

namespace resume::oracle {
namespace {

std::string said(const Verdict& verdict) {
    std::string text = verdict.inconclusive;
    for (const Violation& violation : verdict.violations) {
        text += violation.id + " " + violation.detail + " [" + violation.device + "]; ";
    }
    return text;
}

void expect_clean(const Story& story) {
    const Verdict verdict = story.verdict();
    EXPECT_TRUE(verdict.clean()) << said(verdict);
}

TEST(CleanStories, PassInEveryOutcome) {
    expect_clean(Story{}.resumed());
    expect_clean(Story{}.cancelled());
    expect_clean(Story{}.aborted());
}

TEST(CleanStories, PassInARow) {
    expect_clean(Story{}.cancelled().aborted().resumed().cancelled().resumed().aborted());
}

TEST(CleanStories, ReturningZeroInTheSameDomainMayFindEverythingRegistered) {
    Story story;
    story.resumed(DomainEvidence::same).cancelled();
    story
        .at(story.find([](const TraceEvent& e) { return e.kind == EventKind::vcpu_info_set; },
                       story.find(EventKind::cycle_begin)))
        .status = -22;
    expect_clean(story);
}

TEST(CleanStories, AreNotJudgedWhenEventsWereLost) {
    Story story;
    story.resumed().drop_all(EventKind::task_thawed);
    story.view().lost = 1;
    EXPECT_EQ(story.verdict().inconclusive, "1 events were lost");
    EXPECT_FALSE(story.verdict().violated());
}

TEST(CleanStories, ThatEndInMidCycleProveNothing) {
    Story story;
    story.resumed();
    story.view().events.resize(story.find(EventKind::store_closed));
    EXPECT_EQ(story.verdict().inconclusive, "the trace ends in mid-cycle");
}

TEST(CleanStories, WithoutACycleProveNothing) {
    EXPECT_EQ(Story{}.verdict().inconclusive, "no cycle in this trace");
}

TEST(CleanStories, MayHaveALinkThatComesUpJustBeforeTheNextCycle) {
    Story story;
    story.resumed();
    story.insert(
        story.size() - 1,
        {.arg64 = 1, .kind = EventKind::backend_connected, .witness = Witness::other_side});
    expect_clean(story.cancelled());
}

TEST(CleanStories, MayHaveAHostThatAsksAgainBeforeTheGuestHasBegun) {
    Story story;
    story.cancelled();
    story.insert(story.find(EventKind::request_acked) + 1,
                 {.kind = EventKind::request_seen, .witness = Witness::other_side});
    expect_clean(story);
}

TEST(CleanStories, MayHaveABackendThatKeepsRingsOfAFormerLife) {
    const TraceEvent connected{
        .arg32 = 51712, .kind = EventKind::backend_connected, .witness = Witness::other_side};
    const TraceEvent refused{
        .arg32 = 51712, .status = 2, .kind = EventKind::io_refused, .witness = Witness::other_side};
    Story story;
    story.insert(story.size() - 1, connected).resumed();
    story.insert(story.size() - 1, refused);
    expect_clean(story);
    // What it was given in this life is another matter.
    story.insert(story.size() - 1, connected).insert(story.size() - 1, refused);
    EXPECT_TRUE(story.verdict().has("L9"));
}

std::vector<Breach> all_breaches() {
    std::vector<Breach> all;
    for (const auto& family : {platform_breaches(), registration_breaches(), device_breaches(),
                               sequence_breaches(), failure_breaches(), kvm_breaches()}) {
        all.insert(all.end(), family.begin(), family.end());
    }
    return all;
}

TEST(Breaches, AreEachFoundByTheirInvariant) {
    for (const Breach& breach : all_breaches()) {
        const Verdict verdict = breach.tell().verdict();
        EXPECT_TRUE(verdict.has(breach.id))
            << breach.id << ": " << breach.how << " was not found; said: " << said(verdict);
    }
}

TEST(Invariants, AreCheckedWithAStoryOrLeftOutWithAReason) {
    std::set<std::string> told;
    for (const Breach& breach : all_breaches()) {
        told.insert(breach.id);
    }
    for (size_t i = 0; i < kInvariantCount; ++i) {
        const Invariant& row = kInvariants[i];
        const bool checked = row.checked_by != nullptr;
        EXPECT_NE(checked, row.reason != nullptr) << row.id;
        EXPECT_EQ(told.count(row.id) != 0, checked) << row.id;
        std::printf("%-4s %s\n     %s: %s\n", row.id, row.statement,
                    checked ? "checked by" : "left out", checked ? row.checked_by : row.reason);
    }
}

}  // namespace
}  // namespace resume::oracle
