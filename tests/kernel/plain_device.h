// Ordinary devices of the test guest: no hardware behind them, but every hook, some finishing later
// from the timer's interrupt, one that refuses when it is asked to.
#pragma once

#include <atomic>

#include "libresume/device.h"

namespace kernel {

class PlainDevice final : public resume::Device {
  public:
    /// A slow one finishes its suspend and resume hooks `delay_ticks` timer ticks later; 0 = at
    /// once.
    PlainDevice(const char* name, uint32_t delay_ticks) noexcept;

    /// The next hook of this phase says no: suspend, or suspend_late (the store's gate is closed).
    void refuse_next(resume::Phase phase) noexcept { refuses_ = phase; }
    /// From the timer's interrupt on CPU 0.
    void tick() noexcept;

  private:
    resume::Progress prepare(resume::ThreadContext&) noexcept;
    resume::Progress suspend(resume::ThreadContext&) noexcept;
    resume::Progress suspend_late(resume::ThreadContext&) noexcept;
    resume::Result<> suspend_noirq(resume::NoirqContext&) noexcept;
    resume::Result<> resume_noirq(resume::NoirqContext&, resume::Outcome) noexcept;
    resume::Progress resume_early(resume::ThreadContext&, resume::Outcome) noexcept;
    resume::Progress resume(resume::ThreadContext&, resume::Outcome) noexcept;
    resume::Progress complete(resume::ThreadContext&, resume::Outcome) noexcept;
    [[nodiscard]] bool refuses(resume::Phase phase) noexcept;
    resume::Progress later(resume::ThreadContext&) noexcept;
    static const resume::DriverOps kOps;

    uint32_t delay_ticks_;
    resume::Phase refuses_ = resume::Phase::none;
    std::atomic<uint32_t> due_{0};  ///< ticks left; 0 = nothing pending
    resume::Completer completer_{};
};

}  // namespace kernel
