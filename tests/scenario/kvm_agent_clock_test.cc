// The agent's step of the wall clock, by seed: in a guest whose kernel does not read it again (46),
// over random sequences of pauses, migrations to hosts with another TSC and another uptime, S3 and
// images, it is as right after the agent's step as it was before, within what the reference clock
// can tell; and what is not stepped is less than the agent's least.
//
// RESUME_SEQUENCES=N RESUME_SEED=N: so many, from that seed on; a failure prints its seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "agent/act/clock.h"
#include "agent/observe/unannounced.h"
#include "tests/stress/guest/kvm_modelled_guest.h"

namespace resume::scenario {
namespace {

using agent::ClockDecision;
using agent::Snapshot;
using model::KvmAct;
using stress::KvmModelledGuest;
using stress::KvmModelledGuestConfig;

constexpr uint64_t kSequences = 500;
constexpr uint32_t kHosts = 3;
constexpr auto kSecond = static_cast<int64_t>(model::kSecond);
constexpr int64_t kLeastNs = 2 * kSecond;  ///< the agent's: less is left alone
constexpr int64_t kReadNs = 1'000'000;     ///< what reading takes

uint64_t from_environment(const char* name, uint64_t otherwise) {
    const char* const text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

class WatchedLife {
  public:
    explicit WatchedLife(uint64_t seed) : random_{seed}, guest_{config()} {
        config_.clock_mode = "step";
    }

    /// What went wrong, or nothing.
    std::string live() {
        if (guest_.boot().end != model::GuestEnd::returned) {
            return "no boot: " + guest_.machine().death.reason;
        }
        guest_.idle(model::kSecond);
        // The agent may find a wall clock that is off already: that stays.
        guest_.run([&] { guest_.guest().time().step_wall(draw(10) * kSecond); });
        for (uint32_t left = 1 + draw(6); left > 0 && wrong_.empty(); --left) {
            const bool rtc = draw(2) == 0;
            const Snapshot before = look(rtc);
            const int64_t error = guest_.wall_error_ns();
            happen();
            if (wrong_.empty()) {
                act(before, look(rtc), error);
            }
            guest_.drop_trace();
        }
        return wrong_;
    }
    [[nodiscard]] uint32_t steps() const { return steps_; }

  private:
    uint32_t draw(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

    KvmModelledGuestConfig config() {
        KvmModelledGuestConfig config;
        config.bugs = Bug::wall_not_read;
        config.tick_ms = 250;
        config.machine.trace_capacity = 1U << 10;
        config.machine.hosts.resize(kHosts);
        for (model::HostConfig& host : config.machine.hosts) {
            host.uptime = random_() % (1'000'000 * model::kSecond);
            host.tsc_hz = 500'000'000 + random_() % 4'500'000'000;
            host.tsc_start = random_() >> draw(32);
            host.tsc_emulated = draw(2) == 0;
            host.clock_carried = draw(4) != 0;
        }
        return config;
    }

    /// What the agent reads: an RTC's whole second, or a clock of the hypervisor's.
    Snapshot look(bool rtc) {
        Snapshot snapshot;
        guest_.run([&] {
            Kvmclock& time = guest_.guest().time();
            snapshot.clocks.monotonic_ns = snapshot.clocks.boot_ns =
                static_cast<int64_t>(time.monotonic());
            snapshot.clocks.realtime_ns = static_cast<int64_t>(time.wall());
        });
        const auto real = static_cast<int64_t>(guest_.host().real_time());
        const int64_t shown = rtc ? real / kSecond * kSecond : real;
        snapshot.reference = {.lead_ns = shown - snapshot.clocks.realtime_ns,
                              .error_ns = rtc ? kSecond : 0};
        return snapshot;
    }

    void happen() {
        model::RunResult lived;
        if (draw(3) != 0) {
            const auto act = static_cast<KvmAct>(draw(model::kKvmActCount));
            lived = guest_.happens(act, draw(100'000) * model::kMillisecond);
        } else {
            const Kind kind = draw(2) == 0 ? Kind::s3 : Kind::hibernate;
            lived = guest_.cycle(kind, Outcome::resumed).run;
        }
        if (lived.end != model::GuestEnd::returned) {
            wrong_ = "the guest " + std::string{name_of(lived.end)} + ": " + lived.reason;
        }
    }

    void act(const Snapshot& before, const Snapshot& after, int64_t error_before) {
        const ClockDecision decision =
            agent::decide_clock(config_, agent::lost_time_ns(before, after), "");
        if (decision.act == ClockDecision::Act::step) {
            ++steps_;
            guest_.run([&] { guest_.guest().time().step_wall(decision.by_ns); });
        } else if (decision.act != ClockDecision::Act::nothing) {
            wrong_ = "not stepped: " + decision.why;
            return;
        }
        const int64_t doubt = before.reference->error_ns + after.reference->error_ns +
                              (after.clocks.boot_ns - before.clocks.boot_ns) / 2'000 + kReadNs;
        const int64_t bound =
            decision.act == ClockDecision::Act::step ? doubt : std::max(kLeastNs, doubt) + doubt;
        const int64_t off = guest_.wall_error_ns() - error_before;
        if (std::abs(off) > bound) {
            wrong_ = "the wall clock is off by " + std::to_string(off) + " ns more than before, " +
                     std::to_string(bound) + " ns are allowed";
        }
    }

    std::mt19937_64 random_;
    KvmModelledGuest guest_;
    agent::Config config_;
    uint32_t steps_ = 0;
    std::string wrong_;
};

TEST(KvmAgentClock, F46TheWallClockIsRightAfterTheAgentsStep) {
    const uint64_t count = from_environment("RESUME_SEQUENCES", kSequences);
    const uint64_t first = from_environment("RESUME_SEED", 1);
    uint64_t wrong = 0, steps = 0;
    for (uint64_t seed = first; seed < first + count; ++seed) {
        WatchedLife life{seed};
        const std::string what = life.live();
        steps += life.steps();
        if (!what.empty()) {
            ADD_FAILURE() << "seed " << seed << ": " << what;
            ASSERT_LT(++wrong, 10U);
        }
    }
    EXPECT_GT(steps, count / 2);
    std::printf("%llu sequences, %llu steps, %llu wrong\n", static_cast<unsigned long long>(count),
                static_cast<unsigned long long>(steps), static_cast<unsigned long long>(wrong));
}

}  // namespace
}  // namespace resume::scenario
