// No allocation in a cycle: a counter in operator new, armed while guest code runs (the machine's
// own code, called by it, is another matter).
#include <cstdlib>
#include <new>

#include "tests/scenario/scenario.h"

namespace {

bool armed = false;
uint64_t by_guest = 0;
uint64_t by_anybody = 0;

void* allocate(std::size_t size) {
    ++by_anybody;
    if (armed && resume::model::guest_code_running()) {
        ++by_guest;
    }
    void* const memory = std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) {
        throw std::bad_alloc{};
    }
    return memory;
}

}  // namespace

void* operator new(std::size_t size) {
    return allocate(size);
}
void* operator new[](std::size_t size) {
    return allocate(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace resume::scenario {
namespace {

TEST(Allocation, TheCounterSeesGuestCode) {
    auto guest = guest_up(with(Bug::none));
    by_guest = 0;
    armed = true;
    // Called by name: a new-expression may be optimised away, and clang does.
    guest->run([] { ::operator delete(::operator new(sizeof(int))); });
    armed = false;
    EXPECT_EQ(by_guest, 1U);
}

TEST(Allocation, NoCycleAllocates) {
    auto guest = guest_up(with(Bug::none, 2));
    guest->tasks().at(0).busy = true;
    by_guest = 0;
    by_anybody = 0;
    armed = true;
    for (const HostAct act : {HostAct::checkpoint, HostAct::save_restore, HostAct::slow,
                              HostAct::in_place, HostAct::migrate_fails_late, HostAct::migrate}) {
        guest->cycle(act);
    }
    guest->device("vbd-51712").behaviour.refuse = Errc::refused;
    guest->cycle(HostAct::checkpoint);
    armed = false;
    EXPECT_EQ(by_guest, 0U);
    EXPECT_GT(by_anybody, 0U) << "the model does allocate, so the counter was there";
    guest->run([&] { guest->tasks().at(0).stop(); });
    expect_clean(*guest);
}

}  // namespace
}  // namespace resume::scenario
