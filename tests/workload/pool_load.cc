#include "tests/workload/pool_load.h"

#include "tests/workload/mix.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kWords = kPageSize / sizeof(uint64_t);

}  // namespace

PoolLoad::PoolLoad(BalloonPage* pool, uint32_t pages, uint64_t seed) noexcept
    : pool_{pool}, pages_{pages}, seed_{seed} {
    RESUME_ASSERT(pages <= kMostPages);
    for (uint32_t i = 0; i < pages; ++i) {
        fill(i);
    }
}

BalloonUser PoolLoad::user() noexcept {
    return {.self = this,
            .spare =
                [](void* self, uint32_t index) noexcept {
                    auto& load = *static_cast<PoolLoad*>(self);
                    load.used_[index] = load.used_[index] && load.keeps;
                    return !load.used_[index];
                },
            .returned = [](void* self,
                           uint32_t index) noexcept { static_cast<PoolLoad*>(self)->fill(index); }};
}

uint64_t PoolLoad::word(uint32_t index, uint32_t at) const noexcept {
    return mix(seed_ + (uint64_t{index} << 40 | uint64_t{version_[index]} << 16 | at));
}

void PoolLoad::fill(uint32_t index) noexcept {
    used_[index] = true;
    ++version_[index];
    for (uint32_t at = 0; at < kWords; ++at) {
        const uint64_t value = word(index, at);
        __builtin_memcpy(pool_[index].bytes + at * sizeof value, &value, sizeof value);
    }
}

uint32_t PoolLoad::used() const noexcept {
    uint32_t count = 0;
    for (uint32_t i = 0; i < pages_; ++i) {
        count += used_[i] ? 1 : 0;
    }
    return count;
}

uint32_t PoolLoad::wrong() const noexcept {
    uint32_t count = 0;
    for (uint32_t i = 0; i < pages_; ++i) {
        bool holds = true;
        for (uint32_t at = 0; used_[i] && at < kWords; ++at) {
            uint64_t value = 0;
            __builtin_memcpy(&value, pool_[i].bytes + at * sizeof value, sizeof value);
            holds = holds && value == word(i, at);
        }
        count += holds ? 0 : 1;
    }
    return count;
}

}  // namespace v0
}  // namespace resume
