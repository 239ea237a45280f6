#include "drivers/vcpus/vcpus.h"

#include "drivers/support/text.h"

namespace resume {
inline namespace v0 {

constexpr DriverOps Vcpus::kOps = {
    .driver = "vcpus",
    .suspend = thread_down<&Vcpus::suspend>,
    .resume = thread_up<&Vcpus::resume>,
};

Vcpus::Vcpus(Machine& machine, Store& store, const VcpusConfig& config, Bugs bugs) noexcept
    : Device{kOps, config.name},
      machine_{machine},
      store_{store},
      config_{config},
      bugs_{bugs},
      wanted_{cpu_count(machine)},
      batch_{store} {
    RESUME_ASSERT(config.most <= kMaxVcpus && config.start != nullptr && config.stop != nullptr);
    watch_.path = "cpu";
    watch_.fired = [](void* self, const char*) noexcept { static_cast<Vcpus*>(self)->look(); };
    watch_.argument = this;
}

Vcpus::~Vcpus() {
    store_.forget(watch_);
}

void Vcpus::start() noexcept {
    RESUME_ASSERT(registered() && !watch_.registered);
    // Refused: nobody says how many there are to be, and all stay.
    (void)store_.add_watch(watch_);
}

void Vcpus::stop() noexcept {
    RESUME_ASSERT(!quiet_);
    batch_.cancel();
    if (watch_.registered && !store_.closed()) {
        // That the daemon does not answer leaves a watch behind whose events nobody hears.
        (void)store_.unwatch(watch_);
    }
    store_.forget(watch_);
    look_again_ = false;
    wanted_ = cpu_count(machine_);
}

Progress Vcpus::suspend(ThreadContext&) noexcept {
    quiet_ = true;
    return Progress::done();
}

Progress Vcpus::resume(ThreadContext&, Outcome) noexcept {
    quiet_ = false;
    not_before_ = 0;
    return Progress::done();
}

void Vcpus::look() noexcept {
    look_again_ = batch_.busy();
    if (!look_again_) {
        asked_ = 1;
        ask();
    }
}

/// From the first on until one is not to be online: those that are make a row.
void Vcpus::ask() noexcept {
    const uint32_t left = config_.most > asked_ ? config_.most - asked_ : 0;
    const uint32_t count = left < kAtOnce ? left : kAtOnce;
    if (count == 0) {
        settle(asked_);
        return;
    }
    for (uint32_t i = 0; i < count; ++i) {
        TextBuilder path{nodes_[i].path, sizeof nodes_[i].path};
        path.add("cpu/").add(asked_ + i);
        batch_.read_text(nodes_[i].path, "availability", nodes_[i].word, sizeof nodes_[i].word);
    }
    // Not taken in: the connection is broken, and a restore's new one begins with an event.
    (void)batch_.send(
        [](void* self, const Error& error) noexcept {
            auto& vcpus = *static_cast<Vcpus*>(self);
            if (error.code == Errc::none && !vcpus.look_again_) {
                vcpus.take();
            } else if (vcpus.look_again_) {
                vcpus.look();
            }
        },
        this);
}

void Vcpus::take() noexcept {
    const uint32_t left = config_.most - asked_;
    const uint32_t count = left < kAtOnce ? left : kAtOnce;
    uint32_t online = 0;
    while (online < count && same_text(nodes_[online].word, "online")) {
        ++online;
    }
    asked_ += online;
    if (online == count) {
        ask();
    } else if (same_text(nodes_[online].word, "offline")) {
        settle(asked_);
    } else {
        // Nothing is said of that one, so it stays as it is.
        settle(asked_ > cpu_count(machine_) ? asked_ : cpu_count(machine_));
    }
}

void Vcpus::settle(uint32_t wanted) noexcept {
    wanted_ = wanted;
    not_before_ = 0;
    while (bugs_.has(Bug::hotplug_in_cycle) && cpu_count(machine_) != wanted_ && not_before_ == 0) {
        move();
    }
}

void Vcpus::pump() noexcept {
    if (!quiet_ && cpu_count(machine_) != wanted_ && raw_counter(machine_) >= not_before_) {
        move();
    }
}

void Vcpus::move() noexcept {
    const uint32_t online = cpu_count(machine_);
    const Result<> done = online < wanted_ ? config_.start(config_.self, online)
                                           : config_.stop(config_.self, online - 1);
    if (!done.ok()) {
        ++refusals_;
        not_before_ = raw_counter(machine_) + counter_hz(machine_) / 1'000 * kRetryMs;
    }
}

}  // namespace v0
}  // namespace resume
