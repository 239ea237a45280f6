#include "drivers/model/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define RESUME_MODEL_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define RESUME_MODEL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RESUME_MODEL_ASAN 1
#elif __has_feature(thread_sanitizer)
#define RESUME_MODEL_TSAN 1
#endif
#endif
#ifdef RESUME_MODEL_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef RESUME_MODEL_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace resume::model {

namespace {
constexpr std::size_t kStackSize = std::size_t{1} << 20;
}

Fiber::Fiber() {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    size_ = kStackSize + page;
    stack_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack_ == MAP_FAILED || mprotect(stack_, page, PROT_NONE) != 0) {
        throw std::bad_alloc{};
    }
}

Fiber::~Fiber() {
    munmap(stack_, size_);
}

void Fiber::entry(unsigned high, unsigned low) {
    const auto address = (static_cast<uintptr_t>(high) << 32) | low;
    reinterpret_cast<Fiber*>(address)->body();
}

void Fiber::body() {
#ifdef RESUME_MODEL_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &host_bottom_, &host_size_);
#endif
    body_();
    switch_back(true);
}

void Fiber::switch_back(bool for_ever) {
    inside_ = false;
#ifdef RESUME_MODEL_ASAN
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(for_ever ? nullptr : &fake, host_bottom_, host_size_);
#else
    static_cast<void>(for_ever);
#endif
#ifdef RESUME_MODEL_TSAN
    __tsan_switch_to_fiber(tsan_host_, 0);
#endif
    swapcontext(&guest_, &host_);
}

void Fiber::run(std::function<void()> body) {
    body_ = std::move(body);
    getcontext(&guest_);
    const std::size_t guard = size_ - kStackSize;
    guest_.uc_stack.ss_sp = static_cast<std::byte*>(stack_) + guard;
    guest_.uc_stack.ss_size = kStackSize;
    guest_.uc_link = &host_;
    const auto address = reinterpret_cast<uintptr_t>(this);
    makecontext(&guest_, reinterpret_cast<void (*)()>(&Fiber::entry), 2,
                static_cast<unsigned>(address >> 32), static_cast<unsigned>(address));
    inside_ = true;
#ifdef RESUME_MODEL_ASAN
    __asan_unpoison_memory_region(guest_.uc_stack.ss_sp, kStackSize);  // an abandoned body's
    __sanitizer_start_switch_fiber(&host_fake_stack_, guest_.uc_stack.ss_sp, kStackSize);
#endif
#ifdef RESUME_MODEL_TSAN
    // A new one each time: the frames of an abandoned body would fill its shadow call stack.
    void* const tsan_guest = __tsan_create_fiber(0);
    tsan_host_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(tsan_guest, 0);
#endif
    swapcontext(&host_, &guest_);
#ifdef RESUME_MODEL_ASAN
    __sanitizer_finish_switch_fiber(host_fake_stack_, nullptr, nullptr);
#endif
#ifdef RESUME_MODEL_TSAN
    __tsan_destroy_fiber(tsan_guest);
#endif
    inside_ = false;
}

void Fiber::leave() {
    switch_back(true);
    __builtin_unreachable();
}

}  // namespace resume::model
