// Is the guest alive after a cycle? What any guest would notice sooner or later, at once.
#include <cstring>

#include "tests/mutants/victim.h"

namespace resume::mutants {
namespace {

constexpr Nanoseconds kWallTolerance = 2 * model::kSecond;

}  // namespace

bool Victim::live() {
    return check_store() && check_time() && check_rest();
}

bool Victim::check_store() {
    return run_guest([this] {
        char value[16] = {};
        const bool written = guest.store().write("data/life", "alive", 5).ok();
        const auto size = guest.store().read("data/life", value, sizeof value);
        if (!written || !size.ok() || std::memcmp(value, "alive", 5) != 0) {
            fail("the store is dead");
            return;
        }
        const uint32_t before = pokes_;
        if (!guest.store().write(poke_.path, "1", 1).ok()) {
            fail("the store is dead");
            return;
        }
        idle(100 * model::kMillisecond);
        if (pokes_ == before) {
            fail("a watch does not fire");
        }
        StoreTransaction transaction;
        if (!guest.store().begin(transaction).ok() || !guest.store().end(transaction, true).ok()) {
            fail("transactions do not work");
        }
    });
}

bool Victim::check_time() {
    return run_guest([this] {
        Timekeeping& time = guest.time();
        const Nanoseconds monotonic = time.monotonic();
        if (monotonic <= last_monotonic_) {
            fail("the clock went back");
        }
        last_monotonic_ = monotonic;
        const Nanoseconds wall = time.wall();
        const Nanoseconds truth = model::kWallStart * model::kSecond + machine.clock.now();
        if (wall + kWallTolerance < truth || truth + kWallTolerance < wall) {
            fail("the wall clock is wrong");
        }
        const uint32_t before[2] = {timer_fired_[0], timer_fired_[1]};
        bool armed = true;
        on_each_cpu(
            machine,
            [](Machine&, uint32_t, void* argument) noexcept {
                auto& of = *static_cast<std::pair<Timekeeping*, bool*>*>(argument);
                *of.second = *of.second && of.first->arm_after(10 * model::kMillisecond).ok();
            },
            std::make_unique<std::pair<Timekeeping*, bool*>>(&time, &armed).get());
        idle(model::kSecond);
        if (!armed || timer_fired_[0] == before[0] || timer_fired_[1] == before[1]) {
            fail("a timer does not fire");
        }
        if (time.monotonic() - monotonic < 900 * model::kMillisecond ||
            time.monotonic() - monotonic > 1'200 * model::kMillisecond) {
            fail("the clock does not run as time does");
        }
        if (time.unsettled_reads() != 0) {
            fail("a clock does not settle");
        }
    });
}

bool Victim::check_rest() {
    return run_guest([this] {
        const uint32_t before[2] = {ipis_[0], ipis_[1]};
        if (!guest.send_ipi(0) || !guest.send_ipi(1)) {
            fail("an IPI cannot be sent");
        }
        idle(10 * model::kMillisecond);
        if (ipis_[0] == before[0] || ipis_[1] == before[1]) {
            fail("an IPI does not arrive");
        }
        const std::string line = "alive " + std::to_string(round_) + "\n";
        guest.console().write(line.data(), static_cast<uint32_t>(line.size()));
        idle(10 * model::kMillisecond);
        if (machine.console.text().find(line) == std::string::npos) {
            fail("the console is dead");
        }
        machine.console.type("x");
        idle(10 * model::kMillisecond);
        char typed[4] = {};
        if (guest.console().read(typed, sizeof typed) != 1 || typed[0] != 'x') {
            fail("the console is deaf");
        }
        const auto reference = guest.grants().grant(0, 0x100, false);
        if (!reference.ok() || !guest.grants().end(reference.value()).ok()) {
            fail("a page cannot be granted");
        }
        if (guest.events().stale_count() != 0) {
            fail("events on channels that mean nothing");
        }
    });
}

}  // namespace resume::mutants
