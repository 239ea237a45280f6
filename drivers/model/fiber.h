// The guest's own stack. A guest that dies is left where it stood: its frames are never returned
// to, so nothing of it runs after its death and no exception crosses the core.
#pragma once

#include <ucontext.h>

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
    void body();
    void switch_back(bool for_ever);

    void* stack_ = nullptr;
    std::size_t size_ = 0;
    bool inside_ = false;
    std::function<void()> body_;
    ucontext_t host_{};
    ucontext_t guest_{};
    // For the sanitizers, which must know which stack is in use.
    [[maybe_unused]] void* host_fake_stack_ = nullptr;
    [[maybe_unused]] const void* host_bottom_ = nullptr;
    [[maybe_unused]] std::size_t host_size_ = 0;
    [[maybe_unused]] void* tsan_host_ = nullptr;
};

}  // namespace resume::model
