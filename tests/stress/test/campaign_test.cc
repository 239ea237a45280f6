// Plans, lives and what campaigns of them find.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/stress/campaign/faults.h"
#include "tests/stress/campaign/shrink.h"
#include "tests/stress/campaign/summary.h"

namespace resume::stress {
namespace {

constexpr uint64_t kBudget = 300;  ///< lives in which a bug must be found

constexpr model::GuestKind kGuests[] = {model::GuestKind::xen_hvm, model::GuestKind::xen_pvh,
                                        model::GuestKind::kvm};

DrawOptions draw_of(model::GuestKind guest, Bugs bugs = {}) {
    DrawOptions draw;
    draw.guest = guest;
    draw.bugs = bugs;
    return draw;
}

std::string told(const LifePlan& plan, const LifeResult& result) {
    std::ostringstream out;
    print_story(out, plan, result);
    return out.str();
}

TEST(Plan, IsTheSameAfterBeingWrittenAndRead) {
    for (const auto guest : kGuests) {
        DrawOptions draw = draw_of(guest, Bug::torn_commit);
        draw.swarm = true;
        for (uint64_t life = 0; life < 20; ++life) {
            const std::string text = to_text(draw_life(draw, life));
            std::string error;
            const auto plan = plan_from(text, error);
            ASSERT_TRUE(plan) << error;
            EXPECT_EQ(to_text(*plan), text);
        }
    }
}

TEST(Plan, WhatIsWrongWithItIsNamedByItsLine) {
    const std::string title = "resume-stress-plan 1\n";
    for (const auto& [text, line] : std::vector<std::pair<std::string, std::string>>{
             {"a plan\n", "line 1"},
             {title + "guest xen-arm\n", "line 2"},
             {title + "vcpus 129\ncycle fast 0 0\n", "line 2"},
             {title + "fault call-off 0 1 0\n", "line 2"},
             {title + "cycle fast 0 0\nfault nobody-knows 0 0 0\n", "line 3"},
             {title + "cycle fast 0 0\nfault call-off 9 1 0\n", "line 3"},
             {title + "cycle fast 0 0\nfault hypercall-fails 99 1 5\n", "line 3"},
             {title + "guest kvm\ncycle fast 0 0\n", "line 3"},
             {title + "guest kvm\ncycle s3 0 0\nfault store-slow 0 1 0\n", "line 4"},
             {title + "guest kvm\ncycle s3 0 0\nfault moved-meanwhile 0 1 0\n", "line 4"},
             {title + "cycle fast 0 0\nfault wakes-early 0 1 0\n", "line 3"},
             {title, "no cycle"}}) {
        std::string error;
        EXPECT_FALSE(plan_from(text, error)) << text;
        EXPECT_NE(error.find(line), std::string::npos) << error;
    }
}

TEST(Life, IsTheSameEachTimeThatItIsLived) {
    for (const auto guest : kGuests) {
        for (uint64_t life = 0; life < 4; ++life) {
            const LifePlan plan = draw_life(draw_of(guest), life);
            EXPECT_EQ(live(plan).hash, live(plan).hash);
            EXPECT_NE(live(plan).hash, live(draw_life(draw_of(guest), 99)).hash);
        }
    }
}

TEST(Life, NothingIsWrongAndMostCyclesReachTheHypercall) {
    for (const auto guest : kGuests) {
        Tally all;
        for (uint64_t life = 0; life < RESUME_LIVES; ++life) {  // fewer under a sanitizer
            const LifePlan plan = draw_life(draw_of(guest), life);
            const LifeResult result = live(plan);
            EXPECT_FALSE(result.finding) << told(plan, live(plan, true));
            all.add(result.tally);
        }
        EXPECT_EQ(all.inconclusive, 0U);
        EXPECT_GE(all.at_hypercall * 3, all.cycles * 2);
        EXPECT_GE(all.events, all.cycles * 60);
    }
}

// A step that is traced and not done shows in the trace in nothing but what is missing: the
// devices' hooks tell.
TEST(Run, FindsAStepThatIsNotDone) {
    for (uint8_t row = 0; row < kStepTable.count; ++row) {
        StepTable table = kStepTable;
        table.rows[row].liar = true;
        for (const auto guest : {model::GuestKind::xen_hvm, model::GuestKind::kvm}) {
            const bool of_xen = kStepTable.rows[row].down == Step::close_store;
            if (of_xen && guest == model::GuestKind::kvm) {
                continue;  // it has no store
            }
            bool found = false;
            for (uint64_t life = 0; life < kBudget && !found; ++life) {
                LifePlan plan = draw_life(draw_of(guest), life);
                plan.table = &table;
                found = live(plan).finding.has_value();
            }
            EXPECT_TRUE(found) << name_of(table.rows[row].down) << " of " << name_of(guest);
        }
    }
}

// Default settings, a small budget; the least that still fails is a story of a few words.
TEST(Run, FindsEachBugSwitchAndShrinksIt) {
    uint32_t small = 0, tried = 0;
    for (uint8_t i = 0; i + 1 < kBugCount; ++i) {
        const BugInfo& bug = bug_info(i);
        if (bug.bug == Bug::stopped_flag_ignored) {
            continue;  // shows only where the host's clock is trusted, which is found before it
        }
        ++tried;
        SCOPED_TRACE(bug.name);
        const DrawOptions draw =
            draw_of(bug.of_kvm ? model::GuestKind::kvm : model::GuestKind::xen_hvm, bug.bug);
        bool found = false;
        for (uint64_t life = 0; life < kBudget && !found; ++life) {
            const LifePlan plan = draw_life(draw, life);
            const LifeResult result = live(plan);
            if (result.finding) {
                found = true;
                const Shrunk shrunk = shrink(plan, result);
                ASSERT_TRUE(shrunk.result.finding);
                EXPECT_TRUE(shrunk.result.finding->same(*result.finding));
                EXPECT_LE(size_of(shrunk.plan), size_of(plan));
                small += size_of(shrunk.plan) <= 10 ? 1 : 0;
                std::printf("%-24s life %3llu, %zu of %zu words: %s\n", bug.name,
                            static_cast<unsigned long long>(life), size_of(shrunk.plan),
                            size_of(plan), shrunk.result.finding->id.c_str());
            }
        }
        EXPECT_TRUE(found) << bug.report;
    }
    EXPECT_GE(small * 10, tried * 8);
}

// Each failure that was found once stays found, or stays mended: its first comment says which.
TEST(Failures, StoredOnesAreLivedAgain) {
    uint32_t lived = 0;
    for (const auto& entry : std::filesystem::directory_iterator{RESUME_FAILURES}) {
        SCOPED_TRACE(entry.path().filename().string());
        std::ostringstream text;
        text << std::ifstream{entry.path()}.rdbuf();
        std::string error;
        const auto plan = plan_from(text.str(), error);
        ASSERT_TRUE(plan) << error;
        const LifeResult result = live(*plan, true);
        const std::string word = result.finding ? result.finding->id : "clean";
        EXPECT_NE(text.str().find("# expect " + word + "\n"), std::string::npos)
            << told(*plan, result);
        ++lived;
    }
    EXPECT_GE(lived, 4U);
}

}  // namespace
}  // namespace resume::stress
