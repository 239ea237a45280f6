#include "agent/act/participant.h"

#include <exception>

#include "agent/base/log.h"

namespace resume::agent {

constexpr DriverOps Participant::kQuick = {
    .driver = "participant",
    .deadline_ms = 10'000,
    .suspend = thread_down<&Participant::suspend>,
    .resume = thread_up<&Participant::resume>,
};
constexpr DriverOps Participant::kSlow = {
    .driver = "participant",
    .deadline_ms = 60'000,
    .suspend = thread_down<&Participant::suspend>,
    .resume = thread_up<&Participant::resume>,
};

// Not one expression with a ?: clang 14 dies of a consteval constructor in each half.
CheckedOps Participant::ops_of(Pace pace) noexcept {
    if (pace == Pace::quick) {
        return kQuick;
    }
    return kSlow;
}

Participant::Participant(Cycle& cycle, const char* name, Pace pace) noexcept
    : Device{ops_of(pace), name}, cycle_{cycle} {}

void Participant::add_check(std::string id, std::string status, std::string detail) {
    cycle_.report.checks.push_back({std::move(id), std::move(status), std::move(detail)});
}

Progress Participant::run(ThreadContext& context, const std::function<void(Done)>& hook) noexcept {
    // The core knows no exceptions: what a participant throws is its own failure, no more.
    try {
        auto completer = std::make_shared<Completer>(context.defer());
        hook([completer](Errc code) { completer->complete(code); });
    } catch (const std::exception& error) {
        log(LogLevel::error, "%s failed: %s", name(), error.what());
        return Errc::io;
    }
    return Progress::pending();
}

Progress Participant::suspend(ThreadContext& context) noexcept {
    if (!cycle_.announced) {
        return Progress::done();
    }
    return run(context, [this](Done done) { before(std::move(done)); });
}

Progress Participant::resume(ThreadContext& context, Outcome outcome) noexcept {
    return run(context, [this, outcome](Done done) { after(outcome, std::move(done)); });
}

}  // namespace resume::agent
