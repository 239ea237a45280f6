#include "tests/mutants/living.h"

#include "libresume/oracle/judge.h"

namespace resume::mutants {

namespace {

constexpr uint32_t kRounds = 2;
constexpr Nanoseconds kAlarm = 20 * model::kSecond;  ///< set before each cycle, due after it

// Of everything in the trace but times: two runs with one digest did the same.
uint64_t digest_of(const Trace& trace) {
    uint64_t hash = 0xcbf29ce484222325;
    const auto mix = [&hash](uint64_t word) {
        hash = (hash ^ word) * 0x100000001b3;
        hash ^= hash >> 29;
    };
    for (uint32_t i = 0; i < trace.size(); ++i) {
        const TraceEvent& event = trace.at(i);
        const bool tells_time =
            event.kind == EventKind::timer_armed || event.kind == EventKind::clock_read ||
            event.kind == EventKind::clock_offset || event.kind == EventKind::runstate_folded;
        mix(static_cast<uint64_t>(event.kind) | static_cast<uint64_t>(event.phase) << 8 |
            static_cast<uint64_t>(event.witness) << 16 | uint64_t{event.cpu} << 24 |
            uint64_t{event.device} << 32);
        mix(event.arg32 | static_cast<uint64_t>(static_cast<uint32_t>(event.status)) << 32);
        mix(tells_time ? 0 : event.arg64);
    }
    mix(trace.lost());
    return hash;
}

}  // namespace

bool Living::fail(const std::string& what) {
    if (wrong_.empty()) {
        wrong_ = "cycle " + std::to_string(round_) + ": " + what;
    }
    return false;
}

bool Living::run_guest(const std::function<void()>& code) {
    const model::RunResult ended = living_.run(code);
    if (ended.end != model::GuestEnd::returned) {
        return fail("the guest " + std::string{name_of(ended.end)} + ": " + ended.reason);
    }
    return wrong_.empty();
}

Ending Living::run() {
    if (boot()) {
        if (mutate) {
            mutate();
        }
        for (round_ = 1; round_ <= kRounds && arm_timers(kAlarm) && cycle() && live(); ++round_) {
        }
    }
    if (wrong_.empty()) {
        wrong_ = judge();
    }
    return {.wrong = wrong_, .digest = digest_of(living_.trace)};
}

std::string Living::judge() {
    oracle::TraceView view = sights();
    oracle::append_events(view, living_.trace);
    view.learn_devices();
    const oracle::Verdict verdict = oracle::judge(view);
    if (!verdict.violations.empty()) {
        const oracle::Violation& first = verdict.violations.front();
        return first.id + ": " + first.detail;
    }
    return verdict.inconclusive.empty() ? "" : "inconclusive: " + verdict.inconclusive;
}

}  // namespace resume::mutants
