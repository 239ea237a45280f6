// Is the guest alive after a cycle? What any guest would notice sooner or later, at once.
#include <cstring>

#include "tests/mutants/victim.h"

namespace resume::mutants {
namespace {

constexpr Nanoseconds kStolen = 3 * model::kMillisecond;
constexpr Nanoseconds kWallTolerance = 2 * model::kSecond;
constexpr Port kPortsInUse = 64;

}  // namespace

bool Victim::live() {
    return check_alarm() && check_store() && check_time() && check_rest() && check_disk() &&
           check_net() && check_balloon() && check_vcpus();
}

/// On every CPU, so long from now.
bool Victim::arm_timers(Nanoseconds delay) {
    struct Arming {
        Timekeeping& time;
        Nanoseconds delay;
        bool good = true;
    };
    return run_guest([this, delay] {
        Arming arming{guest.time(), delay};
        on_each_cpu(
            machine,
            [](Machine&, uint32_t, void* argument) noexcept {
                auto& of = *static_cast<Arming*>(argument);
                of.good = of.good && of.time.arm_after(of.delay).ok();
            },
            &arming);
        if (!arming.good) {
            fail("a timer cannot be armed");
        }
    });
}

// What was armed before the cycle fires after it (or did in a long one), and just once.
bool Victim::check_alarm() {
    return run_guest([this] {
        for (int second = 0; second < 25; ++second) {
            idle(model::kSecond);
        }
        for (uint32_t cpu = 0; cpu < 2; ++cpu) {
            if (timer_fired_[cpu] == alarms_before_[cpu]) {
                fail("a timer armed before the cycle never fires");
            } else if (timer_fired_[cpu] > alarms_before_[cpu] + 2) {
                fail("a timer that nobody armed fires");
            }
        }
    });
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
               idle(model::kSecond);
               if (time.monotonic() - monotonic < 900 * model::kMillisecond ||
                   time.monotonic() - monotonic > 1'200 * model::kMillisecond) {
                   fail("the clock does not run as time does");
               }
               if (time.unsettled_reads() != 0) {
                   fail("a clock does not settle");
               }
               const Nanoseconds stolen = time.stolen(0) + time.stolen(1);
               machine.vcpus.add_steal(0, kStolen);
               machine.vcpus.add_steal(1, kStolen);
               idle(model::kSecond);
               if (time.stolen(0) + time.stolen(1) != stolen + 2 * kStolen) {
                   fail("stolen time is not seen");
               }
           }) &&
           check_timers();
}

bool Victim::check_timers() {
    const uint32_t before[2] = {timer_fired_[0], timer_fired_[1]};
    return arm_timers(10 * model::kMillisecond) && run_guest([this, &before] {
               idle(model::kSecond);
               for (uint32_t cpu = 0; cpu < 2; ++cpu) {
                   if (timer_fired_[cpu] == before[cpu]) {
                       fail("a timer does not fire");
                   }
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
        const std::string line = "alive " + std::to_string(round()) + "\n";
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
        if (machine.ports.unplugged() != static_cast<uint16_t>(guest.config().unplug)) {
            fail("emulated devices are plugged in again");
        }
        if (guest.events().stale_count() != 0) {
            fail("events on channels that mean nothing");
        }
        // With so many channels a deaf one is woken by the others'.
        for (Port port = 1; port < kPortsInUse; ++port) {
            if (machine.channels.find(port) != nullptr && machine.channels.masked(port)) {
                fail("channel " + std::to_string(port) + " stays masked");
            }
        }
    });
}

// A write that is under way as the guest goes down, on each queue and one of them split.
void Victim::begin_transfers() {
    for (uint32_t i = 0; i < kBusy; ++i) {
        Busy& busy = busy_[i];
        if (busy.request.accepted) {
            continue;
        }
        busy.completions = 0;
        busy.request.operation = BlockRequest::Operation::write;
        busy.request.sector = 1'000 + i * 128;
        busy.request.sectors = i == 0 ? 127 : 8;
        busy.request.data = busy.data + (i == 0 ? kSectorSize : 0);
        std::memset(busy.data, static_cast<int>(0x10 * round() + i), sizeof busy.data);
        busy.request.argument = &busy;
        busy.request.completed = [](void* self, BlockRequest&, Errc result) noexcept {
            static_cast<Busy*>(self)->completions += result == Errc::none ? 1 : 100;
        };
        if (!disk.submit(busy.request).ok()) {
            fail("the disk takes no request");
        }
    }
    disk.pump();
}

bool Victim::check_disk() {
    return run_guest([this] {
        for (int second = 0; second < 3; ++second) {
            idle(model::kSecond);
        }
        for (const Busy& busy : busy_) {
            if (busy.completions != 1) {
                fail("a request of before the cycle completed " + std::to_string(busy.completions) +
                     " times");
            }
            const std::byte* written = backend.sectors.data() + busy.request.sector * kSectorSize;
            if (std::memcmp(written, busy.request.data, busy.request.sectors * kSectorSize) != 0) {
                fail("what was under way did not reach the disk");
            }
        }
        write_and_read();
        if (disk.malformed() + disk.leaked_grants() != 0) {
            fail("the disk kept something");
        }
    });
}

// In the same domain no frame is lost; in another one the network hears of it, once.
bool Victim::check_net() {
    return run_guest([this] {
        const bool moved =
            result_->outcome == Outcome::resumed && result_->evidence != DomainEvidence::same;
        idle(3 * model::kSecond);
        if (frames.under_way() != 0 || (!moved && frames.lost() != 0)) {
            fail("frames of before the cycle were lost");
        }
        if (netback.announcements() - told_before_ != (moved ? 1 : 0)) {
            fail("the network was told " + std::to_string(netback.announcements() - told_before_) +
                 " times where the guest is");
        }
        const uint64_t before = frames.came_back();
        frames.burst();
        // One look after each interrupt and none without: a channel that is deaf shows.
        idle(model::kSecond);
        if (frames.came_back() - before != FrameLoad::kLanes) {
            fail("the interface is dead");
        }
        if (frames.wrong() + frames.doubled() + net.malformed() + net.leaked_grants() != 0) {
            fail("frames came back twice or changed, or the interface kept something");
        }
    });
}

/// The toolstack's word.
void Victim::want_out(uint32_t count) {
    const model::HostSection host{machine};
    const uint64_t most = std::stoull(machine.store->read("memory/static-max").value_or("0"));
    machine.store->write("memory/target", std::to_string(most - count * (kPageSize / 1024)));
}

void Victim::expect_out(uint32_t count) {
    idle(2 * model::kSecond);
    if (balloon.out() != count || machine.reservation.given() != count) {
        fail("the host has not the memory that it wants");
    }
    if (pages.wrong() != 0 || pages.used() != kPool - count) {
        fail("memory that is used was lost");
    }
}

// What was asked for while it went down is done, and what is asked for now.
bool Victim::check_balloon() {
    return run_guest([this] {
        expect_out(kOutAway);
        want_out(kOutHere);
        expect_out(kOutHere);
    });
}

void Victim::want_vcpus(uint32_t count) {
    const model::HostSection host{machine};
    machine.toolstack.set_vcpus(count);
}

void Victim::expect_vcpus(uint32_t count) {
    idle(2 * model::kSecond);
    if (cpu_count(machine) != count || vcpus.refusals() != 0) {
        fail("there are not as many vCPUs as are wanted");
        return;
    }
    const uint32_t last = count - 1;
    const uint32_t ipis = ipis_[last];
    const uint32_t fired = timer_fired_[last];
    on_each_cpu(
        machine,
        [](Machine&, uint32_t, void* self) noexcept {
            static_cast<void>(
                static_cast<Victim*>(self)->guest.time().arm_after(10 * model::kMillisecond).ok());
        },
        this);
    static_cast<void>(guest.send_ipi(last));
    idle(model::kSecond);
    if (ipis_[last] == ipis || timer_fired_[last] == fired) {
        fail("a vCPU that was started is deaf");
    }
}

// As with the balloon.
bool Victim::check_vcpus() {
    return run_guest([this] {
        expect_vcpus(kMostVcpus);
        want_vcpus(kVcpus);
        expect_vcpus(kVcpus);
    });
}

bool Victim::transfer(BlockRequest::Operation operation, char* data, uint32_t sectors) {
    BlockRequest request;
    bool good = false;
    request.operation = operation;
    request.sector = 64;
    request.sectors = sectors;
    request.data = data;
    request.argument = &good;
    request.completed = [](void* out, BlockRequest&, Errc result) noexcept {
        *static_cast<bool*>(out) = result == Errc::none;
    };
    if (!disk.submit(request).ok()) {
        return false;
    }
    // One look after each interrupt and none without: a channel that is deaf shows.
    idle(2 * model::kSecond);
    RESUME_ASSERT(!request.accepted);
    return good;
}

void Victim::write_and_read() {
    alignas(kSectorSize) char out[8 * kSectorSize];
    alignas(kSectorSize) char back[sizeof out] = {};
    std::memset(out, static_cast<int>(round() + 1), sizeof out);
    if (!transfer(BlockRequest::Operation::write, out, 8) ||
        !transfer(BlockRequest::Operation::flush, nullptr, 0) ||
        !transfer(BlockRequest::Operation::read, back, 8) ||
        std::memcmp(out, back, sizeof out) != 0) {
        fail("the disk is dead");
    }
}

}  // namespace resume::mutants
