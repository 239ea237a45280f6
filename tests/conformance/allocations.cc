#include "tests/conformance/allocations.h"

#include <cstdlib>
#include <new>

#include "drivers/model/machine.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RESUME_THREAD_SANITIZER
#endif
#endif

namespace resume::conformance {
namespace {

uint64_t g_guest_allocations = 0;
uint64_t g_all_allocations = 0;

#ifndef RESUME_THREAD_SANITIZER
void* allocate(std::size_t size) {
    ++g_all_allocations;
    if (model::guest_code_running()) {
        ++g_guest_allocations;
    }
    void* const memory = std::malloc(size != 0 ? size : 1);
    if (memory == nullptr) {
        throw std::bad_alloc{};
    }
    return memory;
}
#endif

}  // namespace

uint64_t guest_allocations() noexcept {
    return g_guest_allocations;
}

uint64_t all_allocations() noexcept {
    return g_all_allocations;
}

bool allocations_are_counted() noexcept {
#ifdef RESUME_THREAD_SANITIZER
    return false;
#else
    return true;
#endif
}

}  // namespace resume::conformance

#ifndef RESUME_THREAD_SANITIZER
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
#endif
