// The inventory: registration, links, cycles, order; removal, also in mid-cycle (P10).
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include "tests/unit/core/engine_fixture.h"

namespace resume::test {
namespace {

using TreeTest = EngineTest;

Errc code_of(const Result<>& result) {
    return result.ok() ? Errc::none : result.error().code;
}

TEST_F(TreeTest, AChildBeforeItsParentIsInvalid) {
    ScriptedDevice parent{log, "parent"};
    ScriptedDevice child{log, "child"};
    EXPECT_EQ(code_of(engine.add(child, &parent)), Errc::invalid);
    EXPECT_FALSE(child.registered());
    EXPECT_EQ(engine.device_count(), 0U);
}

TEST_F(TreeTest, ADeviceIsRegisteredOnce) {
    ScriptedDevice& disk = add("disk");
    EXPECT_EQ(code_of(engine.add(disk, nullptr)), Errc::exists);
    Engine other{machine, config()};
    EXPECT_EQ(code_of(other.add(disk, nullptr)), Errc::exists);
    EXPECT_EQ(code_of(other.remove(disk)), Errc::invalid);
}

TEST_F(TreeTest, ChildrenGoBeforeTheirParent) {
    ScriptedDevice& bus = add("bus");
    ScriptedDevice& disk = add("disk", &bus);
    EXPECT_EQ(code_of(engine.remove(bus)), Errc::invalid);
    EXPECT_EQ(code_of(engine.remove(disk)), Errc::none);
    EXPECT_EQ(code_of(engine.remove(bus)), Errc::none);
    EXPECT_EQ(events(EventKind::device_removed).size(), 2U);
}

TEST_F(TreeTest, ADeviceThatGoesWhileRegisteredPanics) {
    const auto forget = [this] {
        ScriptedDevice brief(log, "brief");
        EXPECT_TRUE(engine.add(brief, nullptr).ok());
    };
    EXPECT_DEATH(forget(), "registered");
}

TEST_F(TreeTest, ALinkAgainstTheOrderOfRegistrationReordersBothWays) {
    ScriptedDevice& consumer = add("consumer");
    ScriptedDevice& supplier = add("supplier");
    DeviceLink link;
    EXPECT_TRUE(engine.link(link, consumer, supplier).ok());
    cycle();
    EXPECT_EQ(text_of(log, Phase::suspend), "suspend:consumer suspend:supplier");
    EXPECT_EQ(text_of(log, Phase::resume), "resume:supplier resume:consumer");
    engine.unlink(link);
    EXPECT_EQ(link.consumer(), nullptr);
}

TEST_F(TreeTest, LinksThatCloseACycleAreRefused) {
    ScriptedDevice& bus = add("bus");
    ScriptedDevice& disk = add("disk", &bus);
    ScriptedDevice& clock = add("clock");
    DeviceLink first;
    DeviceLink second;
    EXPECT_EQ(code_of(engine.link(first, bus, bus)), Errc::cycle);
    EXPECT_EQ(code_of(engine.link(first, bus, disk)), Errc::cycle);
    EXPECT_EQ(code_of(engine.link(first, bus, clock)), Errc::none);
    EXPECT_EQ(code_of(engine.link(first, bus, clock)), Errc::exists);
    const Result<> closing = engine.link(second, clock, disk);
    EXPECT_EQ(code_of(closing), Errc::cycle);
    EXPECT_EQ(closing.error().device, clock.id());
    EXPECT_EQ(cycle().outcome, Outcome::resumed);
    engine.unlink(first);
}

TEST_F(TreeTest, LinksGoWithTheirDevice) {
    ScriptedDevice& disk = add("disk");
    ScriptedDevice& clock = add("clock");
    DeviceLink link;
    ASSERT_TRUE(engine.link(link, disk, clock).ok());
    ASSERT_TRUE(engine.remove(clock).ok());
    EXPECT_EQ(link.supplier(), nullptr);
    EXPECT_EQ(cycle().outcome, Outcome::resumed);
}

TEST_F(TreeTest, TheTreeIsFixedInMidCycle) {
    ScriptedDevice& bus = add("bus");
    ScriptedDevice& disk = add("disk");
    ScriptedDevice late{log, "late"};
    DeviceLink link;
    std::vector<Errc> codes;
    bus.on(Phase::suspend, {.first = [&] {
               codes.push_back(code_of(engine.add(late, &bus)));
               codes.push_back(code_of(engine.link(link, bus, disk)));
           }});
    cycle();
    EXPECT_EQ(codes, (std::vector<Errc>{Errc::busy, Errc::busy}));
    EXPECT_FALSE(late.registered());
}

TEST_F(TreeTest, ADeviceRemovedInMidCycleIsSkippedUndoneAndThenGone) {
    ScriptedDevice& bus = add("bus");
    ScriptedDevice& disk = add("disk", &bus);
    const DeviceId gone = disk.id();
    Errc first = Errc::none;
    disk.on(Phase::suspend, {.first = [&] { first = code_of(engine.remove(disk)); }});
    EXPECT_EQ(cycle().outcome, Outcome::resumed);
    EXPECT_EQ(first, Errc::busy);
    EXPECT_FALSE(disk.registered());
    EXPECT_EQ(engine.device_count(), 1U);
    EXPECT_EQ(text_of(log, Phase::suspend_late), "suspend_late:bus");
    EXPECT_EQ(text_of(log, Phase::resume_early), "resume_early:bus");
    EXPECT_EQ(text_of(log, Phase::resume), "resume:bus resume:disk");
    EXPECT_EQ(text_of(log, Phase::complete), "complete:disk complete:bus");
    ASSERT_EQ(events(EventKind::hook_skipped).size(), 2U);
    EXPECT_EQ(events(EventKind::hook_skipped)[0].device, gone);
    EXPECT_EQ(events(EventKind::hook_skipped)[0].phase, Phase::suspend_late);
    ASSERT_EQ(events(EventKind::device_removed).size(), 1U);
    EXPECT_EQ(events(EventKind::device_removed)[0].device, gone);
    log.clear();
    cycle();
    EXPECT_EQ(text_of(log, Phase::suspend), "suspend:bus");
}

TEST_F(TreeTest, AWholeBranchCanGoInMidCycle) {
    ScriptedDevice& bus = add("bus");
    ScriptedDevice& disk = add("disk", &bus);
    add("other").on(Phase::resume, {.first = [&] {
                        EXPECT_EQ(code_of(engine.remove(bus)), Errc::invalid);
                        EXPECT_EQ(code_of(engine.remove(disk)), Errc::busy);
                        EXPECT_EQ(code_of(engine.remove(bus)), Errc::busy);
                    }});
    cycle();
    EXPECT_EQ(engine.device_count(), 1U);
    EXPECT_EQ(text_of(log, Phase::complete), "complete:other complete:disk complete:bus");
}

TEST_F(TreeTest, AClearedTraceBeginsWithTheInventoryAgain) {
    ScriptedDevice& bus = add("bus");
    ScriptedDevice& disk = add("disk", &bus);
    DeviceLink link;
    ScriptedDevice& clock = add("clock", nullptr, SystemRank::timekeeping);
    ASSERT_TRUE(engine.link(link, disk, clock).ok());
    cycle();
    EXPECT_EQ(events(EventKind::device_added).size(), 3U);  // not repeated while it stands there
    machine.trace.clear();
    cycle();
    const auto added = events(EventKind::device_added);
    ASSERT_EQ(added.size(), 3U);
    EXPECT_EQ(machine.trace.at(0).kind, EventKind::device_added);
    EXPECT_EQ(events(EventKind::device_linked).size(), 1U);
    EXPECT_EQ(events(EventKind::device_linked)[0].arg32, clock.id());
    engine.unlink(link);
}

RC_GTEST_FIXTURE_PROP(TreeTest, AnyLinksEitherMakeACycleOrAnOrder, ()) {
    const auto count = *rc::gen::inRange<size_t>(2, 20);
    for (size_t i = 0; i < count; ++i) {
        add("d");
    }
    std::deque<DeviceLink> links;
    std::vector<std::vector<bool>> reach(count, std::vector<bool>(count, false));
    const auto pairs = *rc::gen::container<std::vector<std::pair<size_t, size_t>>>(
        rc::gen::pair(rc::gen::inRange<size_t>(0, count), rc::gen::inRange<size_t>(0, count)));
    for (const auto& [consumer, supplier] : pairs) {
        const bool closes = consumer == supplier || reach[supplier][consumer];
        DeviceLink& link = links.emplace_back();
        const Errc code = code_of(engine.link(link, devices[consumer], devices[supplier]));
        RC_ASSERT(code == (closes ? Errc::cycle : Errc::none));
        if (closes) {
            continue;
        }
        for (size_t a = 0; a < count; ++a) {
            for (size_t b = 0; b < count; ++b) {
                const bool before = a == consumer || reach[a][consumer];
                const bool behind = b == supplier || reach[supplier][b];
                reach[a][b] = reach[a][b] || (before && behind);
            }
        }
    }
    RC_ASSERT(cycle().outcome == Outcome::resumed);
    for (auto& link : links) {
        engine.unlink(link);
    }
}

}  // namespace
}  // namespace resume::test
