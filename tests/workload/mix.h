// Numbers that look random and are a function of what goes in.
#pragma once

#include <stdint.h>

namespace resume {
inline namespace v0 {

constexpr uint64_t mix(uint64_t value) noexcept {
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

}  // namespace v0
}  // namespace resume
