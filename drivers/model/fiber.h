// The guest's own stack. A guest that dies is left where it stood: its frames are never returned
// to, so nothing of it runs after its death and no exception crosses the core.
#pragma once

#include <array>
#include <cstddef>
#include <functional>

namespace resume::model {

class Fiber {
  public:
    Fiber();
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    /// Runs `body` on the guest's stack until it returns or leave() is called inside it.
    void run(std::function<void()> body);
    /// Abandons the running body: run() returns. Only inside the body.
    [[noreturn]] void leave();
    [[nodiscard]] bool inside() const noexcept { return inside_; }

  private:
    static void entry(unsigned high, unsigned low);
    [[noreturn]] void bodies();
    void enter();
    /// Of the stack, above its guard page.
    [[nodiscard]] void* bottom() const;

    void* stack_ = nullptr;
    std::size_t size_ = 0;
    bool inside_ = false;
    std::function<void()> body_;
    /// What __builtin_setjmp wants: five words, of which it uses three.
    using Place = std::array<void*, 5>;
    bool entered_ = false;
    Place host_{};
    Place guest_{};
    // For the sanitizers, which must know which stack is in use.
    [[maybe_unused]] void* host_fake_stack_ = nullptr;
    [[maybe_unused]] const void* host_bottom_ = nullptr;
    [[maybe_unused]] std::size_t host_size_ = 0;
    [[maybe_unused]] void* tsan_host_ = nullptr;
    [[maybe_unused]] void* tsan_guest_ = nullptr;
};

}  // namespace resume::model
