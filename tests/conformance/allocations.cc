#include "tests/conformance/allocations.h"

#include <cstdlib>
#include <new>

#include "drivers/model/machine.h"

namespace resume::conformance {
namespace {

uint64_t g_guest_allocations = 0;

void* allocate(std::size_t size) {
    if (model::guest_code_running()) {
        ++g_guest_allocations;
    }
    void* const memory = std::malloc(size != 0 ? size : 1);
    if (memory == nullptr) {
        throw std::bad_alloc{};
    }
    return memory;
}

}  // namespace

uint64_t guest_allocations() noexcept {
    return g_guest_allocations;
}

}  // namespace resume::conformance

void* operator new(std::size_t size) {
    return resume::conformance::allocate(size);
}
void* operator new[](std::size_t size) {
    return resume::conformance::allocate(size);
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
