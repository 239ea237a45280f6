#include "drivers/model/fiber.h"

#include <sys/mman.h>
#include <ucontext.h>
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

void* Fiber::bottom() const {
    return static_cast<std::byte*>(stack_) + (size_ - kStackSize);
}

Fiber::~Fiber() {
    munmap(stack_, size_);
}

void Fiber::entry(unsigned high, unsigned low) {
    const auto address = (static_cast<uintptr_t>(high) << 32) | low;
    reinterpret_cast<Fiber*>(address)->bodies();
}

// Never returns: the next body begins here again, above what an abandoned one left behind.
void Fiber::bodies() {
    static_cast<void>(__builtin_setjmp(guest_.data()));
#ifdef RESUME_MODEL_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &host_bottom_, &host_size_);
#endif
    body_();
    leave();
}

// The compiler's jump: swapcontext would ask the kernel for the signal mask with every switch.
void Fiber::enter() {
    if (__builtin_setjmp(host_.data()) != 0) {
        return;
    }
#ifdef RESUME_MODEL_TSAN
    // Here and not in run(): this function is entered and left on one stack, as its shadow has it.
    __tsan_switch_to_fiber(tsan_guest_, 0);
#endif
    if (entered_) {
        __builtin_longjmp(guest_.data(), 1);
    }
    entered_ = true;
    ucontext_t first{};
    getcontext(&first);
    first.uc_stack.ss_sp = bottom();
    first.uc_stack.ss_size = kStackSize;
    const auto address = reinterpret_cast<uintptr_t>(this);
    makecontext(&first, reinterpret_cast<void (*)()>(&Fiber::entry), 2,
                static_cast<unsigned>(address >> 32), static_cast<unsigned>(address));
    setcontext(&first);
}

void Fiber::run(std::function<void()> body) {
    body_ = std::move(body);
    inside_ = true;
#ifdef RESUME_MODEL_ASAN
    __asan_unpoison_memory_region(bottom(), kStackSize);  // an abandoned body's
    __sanitizer_start_switch_fiber(&host_fake_stack_, bottom(), kStackSize);
#endif
#ifdef RESUME_MODEL_TSAN
    // A new one each time: the frames of an abandoned body would fill its shadow call stack.
    tsan_guest_ = __tsan_create_fiber(0);
    tsan_host_ = __tsan_get_current_fiber();
#endif
    enter();
#ifdef RESUME_MODEL_ASAN
    __sanitizer_finish_switch_fiber(host_fake_stack_, nullptr, nullptr);
#endif
#ifdef RESUME_MODEL_TSAN
    __tsan_destroy_fiber(tsan_guest_);
#endif
}

void Fiber::leave() {
    inside_ = false;
#ifdef RESUME_MODEL_ASAN
    __sanitizer_start_switch_fiber(nullptr, host_bottom_, host_size_);
#endif
#ifdef RESUME_MODEL_TSAN
    __tsan_switch_to_fiber(tsan_host_, 0);
#endif
    __builtin_longjmp(host_.data(), 1);
}

}  // namespace resume::model
