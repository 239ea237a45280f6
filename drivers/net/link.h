// What the network interfaces have in common, whatever ring they stand on.
#pragma once

#include <stdint.h>

namespace resume {
inline namespace v0 {

inline constexpr uint32_t kMacSize = 6;
inline constexpr uint32_t kFrameMax = 1514;  ///< without its check sequence; no larger one is asked
inline constexpr uint32_t kFrameMin = 14;    ///< two addresses and a type

/// Who uses the interface; thread context, CPU 0, from pump() or a hook.
struct NetUser {
    void* self = nullptr;
    /// A frame came; borrowed until the call returns. May send().
    void (*received)(void* self, const char* frame, uint32_t size) noexcept = nullptr;
};

/// Frames since boot.
struct NetCounters {
    uint64_t sent = 0;     ///< the other end said that it took them
    uint64_t refused = 0;  ///< it said that it did not
    uint64_t lost = 0;     ///< under way when the other end went
    uint64_t received = 0;
    uint64_t announced = 0;
    uint64_t connections = 0;  ///< to how many other ends it was connected
};

}  // namespace v0
}  // namespace resume
