// Bug clock_before_remap and nothing else: somebody reads the clock right after the hypercall, when
// shared_info is not mapped yet (failure 55). A log line with a time stamp is enough to do that.
#pragma once

#include "drivers/timekeeping/timekeeping.h"

namespace resume {
inline namespace v0 {

class EarlyClock final : public Device {
  public:
    explicit EarlyClock(Timekeeping& time) noexcept;

  private:
    Result<> syscore_suspend(SyscoreContext&) noexcept;
    Result<> syscore_resume(SyscoreContext&, Outcome) noexcept;
    static const DriverOps kOps;

    Timekeeping& time_;
};

}  // namespace v0
}  // namespace resume
