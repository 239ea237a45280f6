// Where completions meet the engine: one atomic slot a device, and two lock-free stacks of devices.
// complete() may be called on any CPU and in an interrupt, so it writes no trace and walks nothing:
// it pushes the device in O(1), and the engine takes whole stacks when it next looks.
#pragma once

#include <stdint.h>
#include <atomic>

#include "libresume/result.h"

namespace resume {
inline namespace v0 {

class Device;

/// A device's slot. `word` holds a generation above a state; a completer carries the generation
/// that armed it, so an old one can only miss.
struct CompletionSlot {
    enum class State : uint8_t { idle, armed, completed, expired };

    static constexpr uint64_t pack(uint32_t generation, State state) noexcept {
        return uint64_t{generation} << 8 | static_cast<uint8_t>(state);
    }

    std::atomic<uint64_t> word{pack(0, State::idle)};
    Device* next_completed = nullptr;  ///< owned by the stack while the state is `completed`
    Error error{};                     ///< written by whoever won the slot, before the push
    std::atomic<uint32_t> strays{0};   ///< not yet taken by the engine
    Device* next_stray = nullptr;
};

/// Devices whose hooks were completed, and devices that saw a stray completion.
class CompletionQueue {
  public:
    /// Any context.
    void push(Device& device) noexcept;
    void count_stray(Device& device) noexcept;

    /// The engine only. A chain by next_completed / next_stray, oldest first; null when empty.
    [[nodiscard]] Device* take_completed() noexcept;
    [[nodiscard]] Device* take_strays() noexcept;
    [[nodiscard]] bool empty() const noexcept {
        return completed_.load(std::memory_order_relaxed) == nullptr &&
               stray_.load(std::memory_order_relaxed) == nullptr;
    }
    [[nodiscard]] uint64_t strays() const noexcept {
        return strays_.load(std::memory_order_relaxed);
    }

    /// The engine only. Arms the slot for a new generation, which it returns.
    static uint32_t arm(Device& device) noexcept;
    /// Closes an armed slot against its completer; false when that came first: then the device is
    /// in the queue or about to be.
    static bool expire(Device& device) noexcept;
    /// Completed, but not yet taken by the engine.
    [[nodiscard]] static bool is_completed(const Device& device) noexcept;
    /// Frees a slot whose completion was taken.
    static void release(Device& device) noexcept;

  private:
    std::atomic<Device*> completed_{nullptr};
    std::atomic<Device*> stray_{nullptr};
    std::atomic<uint64_t> strays_{0};
};

}  // namespace v0
}  // namespace resume
