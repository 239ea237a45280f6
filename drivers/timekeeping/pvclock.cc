#include "drivers/timekeeping/pvclock.h"

namespace resume {
inline namespace v0 {

Nanoseconds pvclock_scale(const vcpu_time_info& time, uint64_t tsc) noexcept {
    // In modular arithmetic: Xen stamps a young domain's page before its counter's zero (seen on
    // 4.17). A counter read a little before the stamp, on another CPU, counts as now.
    const auto distance = static_cast<int64_t>(tsc - time.tsc_timestamp);
    uint64_t delta = distance > 0 ? static_cast<uint64_t>(distance) : 0;
    const int8_t shift = time.tsc_shift;
    if (shift >= 0) {
        delta = shift < 64 ? delta << shift : 0;
    } else {
        delta = shift > -64 ? delta >> -shift : 0;
    }
    const auto product = static_cast<unsigned __int128>(delta) * time.tsc_to_system_mul;
    return time.system_time + static_cast<uint64_t>(product >> 32);
}

Result<vcpu_time_info> pvclock_snapshot(const vcpu_time_info& shared, uint32_t tries) noexcept {
    for (uint32_t i = 0; i < tries; ++i) {
        const uint32_t before = __atomic_load_n(&shared.version, __ATOMIC_ACQUIRE);
        vcpu_time_info copy{};
        copy.tsc_timestamp = __atomic_load_n(&shared.tsc_timestamp, __ATOMIC_RELAXED);
        copy.system_time = __atomic_load_n(&shared.system_time, __ATOMIC_RELAXED);
        copy.tsc_to_system_mul = __atomic_load_n(&shared.tsc_to_system_mul, __ATOMIC_RELAXED);
        copy.tsc_shift = __atomic_load_n(&shared.tsc_shift, __ATOMIC_RELAXED);
        copy.flags = __atomic_load_n(&shared.flags, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        const uint32_t after = __atomic_load_n(&shared.version, __ATOMIC_RELAXED);
        if (before % 2 == 0 && before == after) {
            copy.version = before;
            return copy;
        }
    }
    return Errc::timed_out;
}

}  // namespace v0
}  // namespace resume
