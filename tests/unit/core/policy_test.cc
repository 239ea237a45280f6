// Which of the ready devices goes next; dependencies hold in any policy.
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/core/engine_fixture.h"

namespace resume::test {
namespace {

/// Makes every choice in turn: an odometer whose digits are the choices of one run.
struct Explorer {
    std::vector<uint32_t> path;
    std::vector<uint32_t> sizes;
    size_t depth = 0;

    static uint32_t choose(void* self, uint32_t ready) noexcept {
        auto& explorer = *static_cast<Explorer*>(self);
        if (explorer.depth == explorer.path.size()) {
            explorer.path.push_back(0);
            explorer.sizes.push_back(ready);
        }
        EXPECT_EQ(explorer.sizes[explorer.depth], ready);
        return explorer.path[explorer.depth++];
    }

    bool next() {
        depth = 0;
        while (!path.empty() && ++path.back() == sizes.back()) {
            path.pop_back();
            sizes.pop_back();
        }
        return !path.empty();
    }
};

class PolicyTest : public EngineTest {
  protected:
    /// `prepare` of a small tree, down and up again, under `policy`; returns the order of both.
    std::string order_of(const Policy& policy) {
        CallLog calls;
        ScriptedDevice bus{calls, "bus"};
        ScriptedDevice disk{calls, "disk"};
        ScriptedDevice net{calls, "net"};
        ScriptedDevice lone{calls, "lone"};
        EngineConfig own = config();
        own.policy = policy;
        Engine other{machine, own};
        EXPECT_TRUE(other.add(bus, nullptr).ok());
        EXPECT_TRUE(other.add(disk, &bus).ok());
        EXPECT_TRUE(other.add(net, &bus).ok());
        EXPECT_TRUE(other.add(lone, nullptr).ok());
        EXPECT_TRUE(other.run({.last = Step::prepare}).ok());
        return text_of(calls);
    }
};

TEST_F(PolicyTest, AChooserCanMakeEveryOrderThatTheTreeAllows) {
    Explorer explorer;
    std::set<std::string> orders;
    size_t runs = 0;
    do {
        orders.insert(order_of({.order = Policy::Order::by_chooser,
                                .choose = Explorer::choose,
                                .chooser = &explorer}));
        ++runs;
    } while (explorer.next());
    // A forest of n nodes has n! / (product of the sizes of its subtrees) orders: 4! / 3 = 8 of
    // prepare, and as many of complete.
    EXPECT_EQ(orders.size(), 64U);
    EXPECT_EQ(runs, 64U);
}

TEST_F(PolicyTest, ASeedGivesOneOrderAndSeedsGiveMany) {
    std::set<std::string> orders;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        const Policy policy{.order = Policy::Order::by_seed, .seed = seed};
        const std::string order = order_of(policy);
        EXPECT_EQ(order, order_of(policy));
        orders.insert(order);
    }
    EXPECT_GT(orders.size(), 30U);
    EXPECT_LE(orders.size(), 64U);
}

TEST_F(PolicyTest, ByIndexPrefersWhatWasReleasedOverWhatComesLater) {
    ScriptedDevice& bus = add("bus");
    add("disk", &bus);
    // The bus finishes while `busy` runs, so that disk is ready when the walk looks again.
    bus.on(Phase::resume, {.act = [](ThreadContext& context) {
               static Completer completer;
               completer = context.defer();
               static Completer* kept = &completer;
               context.machine().after(0, [] { kept->complete(); });
               return Progress::pending();
           }});
    add("busy").on(Phase::resume, {.first = [this] {
                       auto event = machine.events.extract(machine.events.begin());
                       event.mapped()();
                   }});
    add("last");
    cycle();
    EXPECT_EQ(text_of(log, Phase::resume), "resume:bus resume:busy resume:disk resume:last");
}

}  // namespace
}  // namespace resume::test
