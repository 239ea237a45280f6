// Draws and digests that come out the same with every compiler and library: no distribution of the
// standard library's is used.
#pragma once

#include <cstdint>

namespace resume::stress {

constexpr uint64_t mixed(uint64_t value) noexcept {
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

class Dice {
  public:
    explicit Dice(uint64_t seed) noexcept : state_{seed} {}

    uint64_t word() noexcept {
        state_ += 0x9e3779b97f4a7c15;
        return mixed(state_);
    }
    /// 0 .. count - 1; `count` > 0.
    uint32_t below(uint32_t count) noexcept { return static_cast<uint32_t>(word() >> 32) % count; }
    /// True once in `count` times.
    bool one_in(uint32_t count) noexcept { return below(count) == 0; }

  private:
    uint64_t state_;
};

/// Order matters within one; digests of lives are added up, so that theirs does not.
class Digest {
  public:
    void add(uint64_t word) noexcept {
        hash_ = (hash_ ^ word) * 0x100000001b3;
        hash_ ^= hash_ >> 29;
    }
    [[nodiscard]] uint64_t value() const noexcept { return hash_; }

  private:
    uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace resume::stress
