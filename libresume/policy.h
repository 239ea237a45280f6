// Which of the ready devices goes next: by index, by seed, or as a chooser says (every order in
// turn: the stress tool's explorer). Dependencies hold in any of them.
#pragma once

#include <stdint.h>

namespace resume {
inline namespace v0 {

struct Policy {
    enum class Order : uint8_t { by_index, by_seed, by_chooser };
    Order order = Order::by_index;
    uint64_t seed = 0;
    /// Picks one of `ready` devices (0 .. ready - 1, in index order); called when ready > 1.
    uint32_t (*choose)(void* chooser, uint32_t ready) noexcept = nullptr;
    void* chooser = nullptr;
};

}  // namespace v0
}  // namespace resume
