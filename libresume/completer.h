// A hook of a thread phase may finish later: it takes a Completer from its context and returns
// Progress::pending(). complete() may be called from an interrupt; it sets one atomic slot that
// carries a generation, so that a completion after its deadline or of an older cycle is counted and
// ignored instead of finishing somebody else's hook.
#pragma once

#include <stdint.h>

#include "libresume/result.h"

namespace resume {
inline namespace v0 {

class Device;

/// Goes before its device does: a completer that is kept points to it.
class [[nodiscard]] Completer {
  public:
    Completer() noexcept = default;
    Completer(Completer&& other) noexcept;
    Completer& operator=(Completer&& other) noexcept;
    Completer(const Completer&) = delete;
    Completer& operator=(const Completer&) = delete;
    /// Dropping an armed completer fails the hook at once with Errc::invalid: a loud error, no
    /// hang.
    ~Completer();

    /// Finishes the hook. Any context, any CPU; no allocation, no lock. A second call does nothing
    /// but count (EventKind::completion_stray).
    void complete(Errc code = Errc::none, int32_t detail = 0) noexcept;

    /// It still owes its one complete().
    [[nodiscard]] bool armed() const noexcept { return device_ != nullptr && !used_; }

  private:
    friend class ThreadContext;
    void drop() noexcept;
    Completer(Device& device, uint32_t generation) noexcept
        : device_{&device}, generation_{generation} {}

    Device* device_ = nullptr;
    uint32_t generation_ = 0;
    bool used_ = false;
};

}  // namespace v0
}  // namespace resume
