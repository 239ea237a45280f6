// A verified load for a balloon's pool: every page that the guest has holds what was written into
// it, for as long as the balloon does not ask for it. Core's subset: the same objects use the
// modelled guest's memory and a real one's.
#pragma once

#include "drivers/balloon/balloon.h"

namespace resume {
inline namespace v0 {

class PoolLoad {
  public:
    static constexpr uint32_t kMostPages = 256;

    /// `pages` <= kMostPages. Fills them all.
    PoolLoad(BalloonPage* pool, uint32_t pages, uint64_t seed) noexcept;
    /// What the balloon asks, and tells.
    [[nodiscard]] BalloonUser user() noexcept;

    /// Pages in use, and those of them that do not hold what was written.
    [[nodiscard]] uint32_t used() const noexcept;
    [[nodiscard]] uint32_t wrong() const noexcept;
    /// Nothing is spared while it is on.
    bool keeps = false;

  private:
    void fill(uint32_t index) noexcept;
    [[nodiscard]] uint64_t word(uint32_t index, uint32_t at) const noexcept;

    BalloonPage* pool_;
    uint32_t pages_;
    uint64_t seed_;
    bool used_[kMostPages] = {};
    uint32_t version_[kMostPages] = {};
};

}  // namespace v0
}  // namespace resume
