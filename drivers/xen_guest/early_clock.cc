#include "drivers/xen_guest/early_clock.h"

namespace resume {
inline namespace v0 {

constexpr DriverOps EarlyClock::kOps = {
    .driver = "early_clock",
    .rank = SystemRank::hypercall_page,
    .syscore_suspend = syscore_down<&EarlyClock::syscore_suspend>,
    .syscore_resume = syscore_up<&EarlyClock::syscore_resume>,
};

EarlyClock::EarlyClock(Timekeeping& time) noexcept : Device{kOps, "early_clock"}, time_{time} {}

Result<> EarlyClock::syscore_suspend(SyscoreContext&) noexcept {
    return {};
}

Result<> EarlyClock::syscore_resume(SyscoreContext&, Outcome outcome) noexcept {
    if (outcome == Outcome::resumed) {
        time_.read_unbounded();
    }
    return {};
}

}  // namespace v0
}  // namespace resume
