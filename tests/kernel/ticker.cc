#include "tests/kernel/ticker.h"

namespace kernel {

void Ticker::start(resume::Machine& machine, resume::XenGuest& guest, uint32_t tick_ms,
                   void (*on_tick)() noexcept) noexcept {
    guest_ = &guest;
    on_tick_ = on_tick;
    period_ns_ = uint64_t{tick_ms} * 1'000'000;
    guest.timer().set_handler(&Ticker::on_timer, this);
    if (tick_ms != 0) {
        resume::on_each_cpu(machine, &Ticker::start_here, this);
    }
}

void Ticker::start_here(resume::Machine&, uint32_t, void* self) noexcept {
    auto& ticker = *static_cast<Ticker*>(self);
    RESUME_ASSERT(ticker.guest_->time().arm_after(ticker.period_ns_).ok());
}

uint64_t Ticker::look_from(uint32_t cpu) noexcept {
    const uint64_t now = guest_->time().monotonic();
    if (now < last_seen_[cpu]) {
        step_back_.store(last_seen_[cpu] - now);
    }
    last_seen_[cpu] = now;
    return now;
}

void Ticker::on_timer(void* self, uint32_t cpu) noexcept {
    auto& ticker = *static_cast<Ticker*>(self);
    const uint64_t now = ticker.look_from(cpu);
    if (cpu == 0) {
        ticker.ticks_.fetch_add(1);
        if (ticker.last_tick_ != 0 && now > ticker.last_tick_ &&
            now - ticker.last_tick_ > ticker.gap_.load()) {
            ticker.gap_.store(now - ticker.last_tick_);
        }
        ticker.last_tick_ = now;
        ticker.on_tick_();
    }
    // Nothing to do about a refusal here: the missing ticks will show.
    (void)ticker.guest_->time().arm_after(ticker.period_ns_);
}

}  // namespace kernel
