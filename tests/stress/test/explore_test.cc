// Every order of one cycle, and what becomes of those that fail.
#include <gtest/gtest.h>

#include <algorithm>

#include <xen/io/xs_wire.h>

#include "tests/stress/campaign/faults.h"
#include "tests/stress/explore/explore.h"
#include "tests/stress/explore/positions.h"

namespace resume::stress {
namespace {

const std::atomic<bool> kGoOn{false};

ExploreOptions options_of(model::GuestKind guest, uint32_t preemptions, Bugs bugs = {}) {
    ExploreOptions options;
    options.tree = {.guest = guest,
                    .vcpus = 2,
                    .hosts = 2,
                    .network = true,
                    .bugs = bugs,
                    .devices = standard_devices(guest)};
    options.preemptions = preemptions;
    return options;
}

TEST(Explore, IsCompleteAndFindsNothingInAGuestWithoutABug) {
    for (const auto guest :
         {model::GuestKind::xen_hvm, model::GuestKind::xen_pvh, model::GuestKind::kvm}) {
        const ExploreResult result = explore(options_of(guest, 0), kGoOn);
        EXPECT_TRUE(result.complete);
        EXPECT_TRUE(result.failures.empty()) << result.failures.front().finding.detail;
        EXPECT_EQ(result.orders, result.positions);
        EXPECT_GT(result.positions, 500U);
        EXPECT_GT(result.states, result.positions);
    }
}

// What the guest does on its way up can fail too: to its end, not only until it knows what is
// asked.
TEST(Explore, EachCallAndRequestOfTheWholeCycleMayFail) {
    LifePlan plan = options_of(model::GuestKind::xen_hvm, 0).tree;
    plan.cycles = {{.act = model::HostAct::save_restore}};
    const oracle::TraceView view = live(plan, true).view;
    uint32_t requests = 0;
    const auto seen =
        std::count_if(view.events.begin(), view.events.end(), [&](const TraceEvent& event) {
            const bool other = event.witness == Witness::other_side;
            requests += other && event.kind == EventKind::request_seen ? 1U : 0U;
            return requests == 1 && other && event.kind == EventKind::store_request &&
                   event.arg32 == XS_WRITE;
        });
    const auto row = std::find_if(store_requests().begin(), store_requests().end(),
                                  [](const NamedCall& of) { return of.number == XS_WRITE; });
    const auto number = static_cast<uint32_t>(row - store_requests().begin());
    const std::vector<PlannedFault> positions = fault_positions(plan, view);
    const auto places =
        std::count_if(positions.begin(), positions.end(), [&](const PlannedFault& fault) {
            return fault.kind == FaultKind::store_fails && fault.a == number;
        });
    EXPECT_EQ(places, seen);
    EXPECT_GT(places, 10) << "a disk and an interface tell their backends of their rings";
}

TEST(Explore, EachPairOfHooksThatIsLeftOutWasRunInBothOrders) {
    ExploreOptions options = options_of(model::GuestKind::xen_pvh, 1);
    options.time = std::chrono::milliseconds{500};
    const ExploreResult result = explore(options, kGoOn);
    EXPECT_GT(result.left_out, result.orders);
    EXPECT_FALSE(result.checked.empty());
    EXPECT_TRUE(result.refuted.empty());
}

TEST(Explore, AFailureIsAPlanThatFailsAgain) {
    const ExploreResult result =
        explore(options_of(model::GuestKind::xen_hvm, 1, Bug::no_unwind), kGoOn);
    ASSERT_EQ(result.failures.size(), 1U);
    EXPECT_FALSE(result.complete);
    const FailedOrder& failed = result.failures.front();
    std::string error;
    const auto plan = plan_from(to_text(failed.plan), error);
    ASSERT_TRUE(plan) << error;
    EXPECT_EQ(plan->choices, failed.plan.choices);
    const LifeResult again = live(*plan);
    ASSERT_TRUE(again.finding);
    EXPECT_TRUE(again.finding->same(failed.finding));
}

TEST(Explore, ThatIsEndedEarlyIsNotComplete) {
    const std::atomic<bool> stop{true};
    EXPECT_FALSE(explore(options_of(model::GuestKind::xen_hvm, 0), stop).complete);
}

TEST(Life, TakesTheOrderThatItsPlanChooses) {
    LifePlan plan = options_of(model::GuestKind::xen_hvm, 0).tree;
    plan.cycles = {{.act = model::HostAct::migrate}};
    plan.choices = {0};
    const uint64_t first = live(plan).hash;
    plan.choices = {0, 0, 0};
    EXPECT_EQ(live(plan).hash, first);  // after its choices the first is next anyway
    bool another = false;
    for (uint32_t at = 0; at < 12 && !another; ++at) {
        plan.choices.assign(at + 1, 0);
        plan.choices.back() = 1;
        const LifeResult result = live(plan);
        EXPECT_FALSE(result.finding);
        EXPECT_EQ(live(plan).hash, result.hash);
        another = result.hash != first;
    }
    EXPECT_TRUE(another);
}

}  // namespace
}  // namespace resume::stress
