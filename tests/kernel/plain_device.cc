#include "tests/kernel/plain_device.h"

namespace kernel {

using resume::Errc;
using resume::NoirqContext;
using resume::Outcome;
using resume::Progress;
using resume::Result;
using resume::ThreadContext;

constexpr resume::DriverOps PlainDevice::kOps = {
    .driver = "plain",
    .prepare = resume::thread_down<&PlainDevice::prepare>,
    .suspend = resume::thread_down<&PlainDevice::suspend>,
    .suspend_late = resume::thread_down<&PlainDevice::suspend_late>,
    .suspend_noirq = resume::noirq_down<&PlainDevice::suspend_noirq>,
    .resume_noirq = resume::noirq_up<&PlainDevice::resume_noirq>,
    .resume_early = resume::thread_up<&PlainDevice::resume_early>,
    .resume = resume::thread_up<&PlainDevice::resume>,
    .complete = resume::thread_up<&PlainDevice::complete>,
};

PlainDevice::PlainDevice(const char* name, uint32_t delay_ticks) noexcept
    : Device{kOps, name}, delay_ticks_{delay_ticks} {}

Progress PlainDevice::later(ThreadContext& context) noexcept {
    if (delay_ticks_ == 0) {
        return Progress::done();
    }
    completer_ = context.defer();
    due_.store(delay_ticks_, std::memory_order_release);
    return Progress::pending();
}

void PlainDevice::tick() noexcept {
    const uint32_t due = due_.load(std::memory_order_acquire);
    if (due > 0) {
        due_.store(due - 1, std::memory_order_release);
        if (due == 1) {
            completer_.complete();
        }
    }
}

bool PlainDevice::refuses(resume::Phase phase) noexcept {
    const bool asked = refuses_ == phase;
    refuses_ = asked ? resume::Phase::none : refuses_;
    return asked;
}

Progress PlainDevice::prepare(ThreadContext&) noexcept {
    return Progress::done();
}

Progress PlainDevice::suspend(ThreadContext& context) noexcept {
    return refuses(resume::Phase::suspend) ? Progress{Errc::busy} : later(context);
}

Progress PlainDevice::suspend_late(ThreadContext&) noexcept {
    return refuses(resume::Phase::suspend_late) ? Progress{Errc::busy} : Progress::done();
}

Result<> PlainDevice::suspend_noirq(NoirqContext&) noexcept {
    return {};
}

Result<> PlainDevice::resume_noirq(NoirqContext&, Outcome) noexcept {
    return {};
}

Progress PlainDevice::resume_early(ThreadContext&, Outcome) noexcept {
    return Progress::done();
}

Progress PlainDevice::resume(ThreadContext& context, Outcome) noexcept {
    return later(context);
}

Progress PlainDevice::complete(ThreadContext&, Outcome) noexcept {
    return Progress::done();
}

}  // namespace kernel
