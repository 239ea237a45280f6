// No allocation in a cycle: a counter in operator new that tells guest code from the machine's own,
// called by it.
#include "tests/conformance/allocations.h"
#include "tests/scenario/scenario.h"

namespace resume::scenario {
namespace {

using conformance::all_allocations;
using conformance::guest_allocations;

constexpr const char* kNotCounted = "the thread sanitizer has the only operator new";

TEST(Allocation, TheCounterSeesGuestCode) {
    if (!conformance::allocations_are_counted()) {
        GTEST_SKIP() << kNotCounted;
    }
    auto guest = guest_up(with(Bug::none));
    const uint64_t before = guest_allocations();
    // Called by name: a new-expression may be optimised away, and clang does.
    guest->run([] { ::operator delete(::operator new(sizeof(int))); });
    EXPECT_EQ(guest_allocations() - before, 1U);
}

TEST(Allocation, NoCycleAllocates) {
    if (!conformance::allocations_are_counted()) {
        GTEST_SKIP() << kNotCounted;
    }
    auto guest = guest_up(with(Bug::none, 2));
    guest->tasks().at(0).busy = true;
    const uint64_t by_guest = guest_allocations();
    const uint64_t by_anybody = all_allocations();
    for (const HostAct act : {HostAct::checkpoint, HostAct::save_restore, HostAct::slow,
                              HostAct::in_place, HostAct::migrate_fails_late, HostAct::migrate}) {
        guest->cycle(act);
    }
    guest->device("vbd-51712").behaviour.refuse = Errc::refused;
    guest->cycle(HostAct::checkpoint);
    EXPECT_EQ(guest_allocations(), by_guest);
    EXPECT_GT(all_allocations(), by_anybody) << "the model does allocate, so the counter was there";
    guest->run([&] { guest->tasks().at(0).stop(); });
    expect_clean(*guest);
}

}  // namespace
}  // namespace resume::scenario
