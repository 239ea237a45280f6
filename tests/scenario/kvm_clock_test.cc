// The property that a guest's clocks keep whatever its hosts do, by seed: over random sequences of
// pauses, migrations to hosts with another TSC and another uptime, snapshots, S3 and images,
// monotonic time never goes back and is the time that the guest ran, and the wall clock is right
// within its bound once the guest has looked around.
//
// RESUME_SEQUENCES=N RESUME_SEED=N: so many, from that seed on; a failure prints its seed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/stress/guest/kvm_modelled_guest.h"

namespace resume::scenario {
namespace {

using model::KvmAct;
using stress::KvmModelledGuest;
using stress::KvmModelledGuestConfig;

constexpr uint64_t kSequences = 2'000;
constexpr uint32_t kVcpus = 2;
constexpr uint32_t kHosts = 4;
/// A step of the host's clock that is smaller, or than a thousandth of what the guest ran, is not
/// told from a slow counter (kvmclock.cc); the sum of both, with room for the reads.
constexpr Nanoseconds kToleranceNs = 201'000'000;

uint64_t from_environment(const char* name, uint64_t otherwise) {
    const char* const text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

class Life {
  public:
    explicit Life(uint64_t seed) : random_{seed}, guest_{config()} {}

    /// What went wrong, or nothing.
    std::string live() {
        if (guest_.boot().end != model::GuestEnd::returned) {
            return "no boot: " + guest_.machine().death.reason;
        }
        const uint32_t length = 1 + draw(8);
        look();
        for (uint32_t i = 0; i < length && wrong_.empty(); ++i) {
            guest_.idle(draw(3'000) * model::kMillisecond);
            look();
            happen();
            look();
            check_wall();
            guest_.drop_trace();
        }
        return wrong_;
    }

  private:
    uint32_t draw(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

    KvmModelledGuestConfig config() {
        KvmModelledGuestConfig config;
        config.tick_ms = draw(2) * 250;
        config.machine.vcpus = kVcpus;
        config.machine.trace_capacity = 1U << 10;
        config.machine.hosts.resize(kHosts);
        for (model::HostConfig& host : config.machine.hosts) {
            host.uptime = random_() % (1'000'000 * model::kSecond);
            host.tsc_hz = 500'000'000 + random_() % 4'500'000'000;
            host.tsc_start = random_() >> draw(32);
            host.tsc_emulated = draw(2) == 0;
            host.clock_carried = draw(4) != 0;
            host.clock_counts_away = draw(4) == 0;
            host.says_stopped = draw(4) != 0;
            host.wall_offset_ns = static_cast<int64_t>(draw(20'000)) * 1'000'000 - 10'000'000'000;
        }
        return config;
    }

    void happen() {
        const uint32_t what = draw(8);
        model::RunResult lived;
        if (what < model::kKvmActCount) {
            lived = guest_.happens(static_cast<KvmAct>(what), draw(100'000) * model::kMillisecond);
        } else {
            constexpr Kind kKinds[] = {Kind::s3, Kind::hibernate, Kind::s2idle};
            const Kind kind = kKinds[what - model::kKvmActCount];
            const bool resumed = draw(3) != 0 || kind == Kind::s2idle;
            lived = guest_.cycle(kind, resumed ? Outcome::resumed : Outcome::cancelled).run;
        }
        if (lived.end != model::GuestEnd::returned) {
            wrong_ = "the guest " + std::string{name_of(lived.end)} + ": " + lived.reason;
        }
    }

    /// On a vCPU of its choice: not back, and no more or less than the guest ran.
    void look() {
        if (!wrong_.empty()) {
            return;
        }
        Nanoseconds now = 0;
        Nanoseconds ran = 0;
        guest_.run([&] {
            Machine& machine = guest_.machine();
            machine.vcpus.run_on(draw(kVcpus), [&] { now = guest_.guest().time().monotonic(); });
            ran = static_cast<Nanoseconds>(static_cast<unsigned __int128>(raw_counter(machine)) *
                                           model::kSecond / counter_hz(machine));
        });
        if (now < shown_) {
            wrong_ = "monotonic time went back by " + std::to_string(shown_ - now) + " ns";
        } else if (shown_ != 0) {
            const Nanoseconds clock = now - shown_;
            const Nanoseconds truth = ran - ran_;
            const Nanoseconds apart = clock > truth ? clock - truth : truth - clock;
            if (apart > kToleranceNs + ran / 1000) {
                wrong_ = "the clock went on by " + std::to_string(clock) +
                         " ns while the guest ran " + std::to_string(truth) + " ns";
            }
        }
        shown_ = now;
        ran_ = ran;
    }

    void check_wall() {
        if (wrong_.empty()) {
            const int64_t error = guest_.wall_error_ns();
            if (std::abs(error) > KvmGuest::kWallBoundNs) {
                wrong_ = "the wall clock is off by " + std::to_string(error) + " ns";
            }
        }
    }

    std::mt19937_64 random_;
    KvmModelledGuest guest_;
    Nanoseconds shown_ = 0;
    Nanoseconds ran_ = 0;
    std::string wrong_;
};

TEST(KvmClock, NeverGoesBackAndTheWallClockIsRightOverRandomSequences) {
    const uint64_t count = from_environment("RESUME_SEQUENCES", kSequences);
    const uint64_t first = from_environment("RESUME_SEED", 1);
    uint64_t wrong = 0;
    for (uint64_t seed = first; seed < first + count; ++seed) {
        const std::string what = Life{seed}.live();
        if (!what.empty()) {
            ADD_FAILURE() << "seed " << seed << ": " << what;
            ASSERT_LT(++wrong, 10U);
        }
    }
    std::printf("%llu sequences, %llu wrong\n", static_cast<unsigned long long>(count),
                static_cast<unsigned long long>(wrong));
}

}  // namespace
}  // namespace resume::scenario
