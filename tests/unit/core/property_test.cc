// Random trees with random links, delays, failures, policies and outcomes against the invariants
// of the core, stated here over the log of calls (P2, P3, P4, P6, P13, P14).
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include <rapidcheck/gtest.h>

#include "tests/unit/core/engine_fixture.h"

namespace resume::test {
namespace {

constexpr Phase kDown[] = {Phase::prepare, Phase::suspend, Phase::suspend_late,
                           Phase::suspend_noirq, Phase::syscore_suspend};

Phase mirror_of(Phase down) {
    switch (down) {
        case Phase::prepare:
            return Phase::complete;
        case Phase::suspend:
            return Phase::resume;
        case Phase::suspend_late:
            return Phase::resume_early;
        case Phase::suspend_noirq:
            return Phase::resume_noirq;
        default:
            return Phase::syscore_resume;
    }
}

bool parents_first(Phase phase) {
    return phase == Phase::prepare || phase == Phase::resume_noirq ||
           phase == Phase::resume_early || phase == Phase::resume;
}

bool may_wait(Phase phase) {
    return phase != Phase::suspend_noirq && phase != Phase::syscore_suspend &&
           phase != Phase::resume_noirq && phase != Phase::syscore_resume;
}

class RandomGuest : public EngineTest {
  public:
    explicit RandomGuest(const Policy& policy) : EngineTest{policy} {}
    ~RandomGuest() override {
        for (DeviceLink& link : links) {
            engine.unlink(link);
        }
    }
    void TestBody() override {}

    void build() {
        const auto count = *rc::gen::inRange<size_t>(1, 30);
        for (size_t i = 0; i < count; ++i) {
            const auto parent = *rc::gen::inRange<size_t>(0, i + 1);
            const auto rank = *rc::gen::weightedElement<SystemRank>(
                {{6, SystemRank::none}, {1, SystemRank::timer}, {1, SystemRank::shared_info}});
            Device* above = parent < i ? &devices[parent] : nullptr;
            add("d", above, rank);
            if (above != nullptr) {
                edges.emplace_back(above, &devices[i]);
            }
        }
        const auto tries = *rc::gen::inRange<size_t>(0, 2 * count);
        for (size_t i = 0; i < tries; ++i) {
            Device& consumer = devices[*rc::gen::inRange<size_t>(0, count)];
            Device& supplier = devices[*rc::gen::inRange<size_t>(0, count)];
            if (engine.link(links.emplace_back(), consumer, supplier).ok()) {
                edges.emplace_back(&supplier, &consumer);
            }
        }
    }

    void script(Phase phase, int failures_in_1000) {
        for (ScriptedDevice& device : devices) {
            Script script;
            if (may_wait(phase) && *rc::gen::weightedElement<int>({{2, 0}, {1, 1}}) == 1) {
                script.delay = *rc::gen::inRange<Ticks>(1, 5'000'000);
            }
            script.busy = *rc::gen::inRange<Ticks>(0, 100);
            if (*rc::gen::inRange(0, 1000) < failures_in_1000) {
                script.code = Errc::refused;
            }
            device.on(phase, script);
        }
    }

    std::vector<const Call*> calls_of(Phase phase) const {
        std::vector<const Call*> found;
        for (const Call& call : log) {
            if (call.phase == phase) {
                found.push_back(&call);
            }
        }
        return found;
    }

    const Call* find(Phase phase, const Device* device) const {
        for (const Call* call : calls_of(phase)) {
            if (call->device == device) {
                return call;
            }
        }
        return nullptr;
    }

    // Read by the checks, which are no members.
    using EngineTest::engine;
    using EngineTest::enter_returns;
    using EngineTest::log;
    using EngineTest::machine;
    std::deque<DeviceLink> links;
    std::vector<std::pair<const Device*, const Device*>> edges;  ///< supplier, consumer
};

// P3: every hook that began has ended, once a device and phase.
void check_each_ends_once(const RandomGuest& guest) {
    std::set<std::pair<Phase, const Device*>> seen;
    for (const Call& call : guest.log) {
        RC_ASSERT(call.end >= call.begin);
        RC_ASSERT(seen.insert({call.phase, call.device}).second);
    }
}

// P2: along every edge, in every phase but the ranked ones.
void check_edges(const RandomGuest& guest) {
    for (const Phase down :
         {Phase::prepare, Phase::suspend, Phase::suspend_late, Phase::suspend_noirq}) {
        for (const Phase phase : {down, mirror_of(down)}) {
            for (const auto& [supplier, consumer] : guest.edges) {
                const Call* of_supplier = guest.find(phase, supplier);
                const Call* of_consumer = guest.find(phase, consumer);
                if (of_supplier == nullptr || of_consumer == nullptr) {
                    continue;
                }
                const Call* first = parents_first(phase) ? of_supplier : of_consumer;
                const Call* second = parents_first(phase) ? of_consumer : of_supplier;
                RC_ASSERT(first < second);  // the log is in the order of beginnings
                RC_ASSERT(first->end <= second->begin);
            }
        }
    }
}

// P6: a phase begins when the one before it has ended.
void check_barriers(const RandomGuest& guest) {
    Ticks ended = 0;
    for (size_t i = 0; i < guest.log.size(); ++i) {
        const Call& call = guest.log[i];
        if (i > 0 && guest.log[i - 1].phase != call.phase) {
            RC_ASSERT(guest.log[i - 1].phase < call.phase);
            for (size_t before = 0; before < i; ++before) {
                ended = std::max(ended, guest.log[before].end);
            }
        }
        RC_ASSERT(call.begin >= ended);
    }
}

// P4, P13, P14: the way up calls exactly the mirrors of what went down.
void check_mirrors(const RandomGuest& guest) {
    for (const Phase down : kDown) {
        std::set<const Device*> went;
        std::set<const Device*> came;
        for (const Call* call : guest.calls_of(down)) {
            if (call->code == Errc::none) {
                went.insert(call->device);
            }
        }
        for (const Call* call : guest.calls_of(mirror_of(down))) {
            came.insert(call->device);
        }
        RC_ASSERT(went == came);
    }
}

void check(const RandomGuest& guest, const CycleResult& result, Outcome wanted) {
    check_each_ends_once(guest);
    check_edges(guest);
    check_barriers(guest);
    check_mirrors(guest);
    const Call* failed = nullptr;
    uint32_t failed_up = 0;
    for (const Call& call : guest.log) {
        if (call.outcome) {
            RC_ASSERT(*call.outcome == result.outcome);
            failed_up += call.code != Errc::none ? 1 : 0;
        } else if (call.code != Errc::none && (failed == nullptr || call.end < failed->end)) {
            failed = &call;
        }
    }
    RC_ASSERT(result.outcome == (failed != nullptr ? Outcome::aborted : wanted));
    RC_ASSERT(result.errors_up == failed_up);
    if (failed != nullptr) {
        RC_ASSERT(result.cause.phase == failed->phase);
        RC_ASSERT(result.cause.code == Errc::refused);
    }
    RC_ASSERT(guest.machine.irqs_on);
    RC_ASSERT(!guest.machine.parked);
}

void run_random(const Policy& policy) {
    RandomGuest guest{policy};
    guest.build();
    const auto failures = *rc::gen::element(0, 0, 5, 30);
    for (const Phase down : kDown) {
        guest.script(down, failures);
        guest.script(mirror_of(down), 50);
    }
    const Outcome wanted = *rc::gen::element(Outcome::resumed, Outcome::cancelled);
    guest.enter_returns = wanted;
    const auto result = guest.engine.run({});
    RC_ASSERT(result.ok());
    check(guest, result.value(), wanted);
}

RC_GTEST_PROP(EngineProperties, HoldByIndex, ()) {
    run_random({});
}

RC_GTEST_PROP(EngineProperties, HoldBySeed, ()) {
    run_random({.order = Policy::Order::by_seed, .seed = *rc::gen::arbitrary<uint64_t>()});
}

RC_GTEST_PROP(EngineProperties, HoldByChooser, ()) {
    uint64_t state = *rc::gen::arbitrary<uint64_t>();
    run_random({.order = Policy::Order::by_chooser,
                .choose =
                    [](void* chooser, uint32_t ready) noexcept {
                        auto& word = *static_cast<uint64_t*>(chooser);
                        word = word * 6364136223846793005U + 1442695040888963407U;
                        return static_cast<uint32_t>((word >> 33) % ready);
                    },
                .chooser = &state});
}

}  // namespace
}  // namespace resume::test
