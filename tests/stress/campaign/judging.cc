#include "tests/stress/campaign/judging.h"

#include "libresume/oracle/judge.h"
#include "tests/stress/campaign/dice.h"

namespace resume::stress {

namespace {

uint64_t hash_of(const oracle::TraceView& view) {
    Digest digest;
    for (const TraceEvent& event : view.events) {
        // The four words of an event side by side; only events wait for one another.
        const uint64_t what = static_cast<uint64_t>(event.kind) |
                              static_cast<uint64_t>(event.phase) << 8 |
                              static_cast<uint64_t>(event.witness) << 16 |
                              uint64_t{event.cpu} << 24 | uint64_t{event.device} << 32;
        const uint64_t more = event.arg32 | uint64_t{static_cast<uint32_t>(event.status)} << 32;
        digest.add(event.ticks * 0x9e3779b97f4a7c15 ^ event.arg64 * 0xbf58476d1ce4e5b9 ^
                   what * 0x94d049bb133111eb ^ more * 0xd6e8feb86659fd93);
    }
    return digest.value();
}

}  // namespace

void judge_trace(const oracle::TraceView& view, size_t judged_events, bool keep_trace,
                 LifeResult& result) {
    result.hash = hash_of(view);
    result.tally.lives = 1;
    result.tally.events = view.events.size();
    oracle::Verdict verdict;
    if (judged_events < view.events.size()) {
        oracle::TraceView part = view;
        part.events.resize(judged_events);
        verdict = oracle::judge(part);
    } else {
        verdict = oracle::judge(view);
    }
    if (verdict.violated()) {
        const oracle::Violation& first = verdict.violations.front();
        // The oracle counts the cycles that the guest began, the plan those that the host asked
        // for.
        if (!result.finding || first.cycle <= result.finding->cycle) {
            result.finding = Finding{Finding::Kind::invariant, first.id, first.detail, first.device,
                                     result.finding ? result.finding->cycle : first.cycle};
        }
    } else if (!result.finding && !verdict.inconclusive.empty() && view.lost != 0) {
        result.tally.inconclusive = 1;
    }
    result.tally.violations = result.finding ? 1 : 0;
    if (keep_trace) {
        result.view = view;
    }
}

}  // namespace resume::stress
