#include "agent/act/coordinator.h"

#include <unistd.h>

#include "agent/base/log.h"

namespace resume::agent {

namespace {

EngineConfig config_for(Coordinator* self, Result<Outcome> (*enter)(void*) noexcept) {
    EngineConfig config;
    config.guest.guest = self;
    config.guest.enter = enter;
    return config;
}

oracle::CycleReport nothing_happened(const Cycle& cycle, Coordinator::End how) {
    oracle::CycleReport report;
    report.kind = cycle.kind;
    report.outcome =
        how == Coordinator::End::released && cycle.kind == "snapshot" ? "none" : "aborted";
    const char* why = how == Coordinator::End::released  ? "released before anything happened"
                      : how == Coordinator::End::stopped ? "the agent was stopped"
                                                         : "nothing happened within the time";
    report.cause.emplace();
    report.cause->phase = "prepare";
    report.cause->detail = why;
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    report.begin_boot_ns =
        static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
    return report;
}

}  // namespace

Result<Outcome> outcome_of(const oracle::CycleReport& report) {
    if (report.outcome == "resumed") {
        return Outcome::resumed;
    }
    if (report.outcome == "cancelled" || report.outcome == "none") {
        return Outcome::cancelled;
    }
    return Errc::refused;
}

Coordinator::Coordinator(EventLoop& loop, std::string pending_path)
    : loop_{loop},
      pending_path_{std::move(pending_path)},
      machine_{loop},
      engine_{machine_, config_for(this, [](void* self) noexcept {
                  return static_cast<Coordinator*>(self)->wait_for_suspend();
              })} {}

void Coordinator::add(Participant& participant) {
    Participant* const last = participants_.empty() ? nullptr : participants_.back();
    const Result<> result = engine_.add(participant, last);
    RESUME_ASSERT(result.ok());
    participants_.push_back(&participant);
}

void Coordinator::detach() {
    for (; !participants_.empty(); participants_.pop_back()) {
        const Result<> result = engine_.remove(*participants_.back());
        RESUME_ASSERT(result.ok());
    }
}

bool Coordinator::run(Announcement announcement) {
    if (engine_.running()) {
        return false;
    }
    announcement_ = std::move(announcement);
    answered_ = false;
    end_ = End::none;
    cycle_ = Cycle{};
    cycle_.announced = true;
    cycle_.id = announcement_.id;
    cycle_.kind = announcement_.kind;
    cycle_.deadline_ms = announcement_.deadline_ms;
    cycle_.freeze = announcement_.freeze;
    // What it comes to when it never gets as far as waiting for the suspend.
    cycle_.report = nothing_happened(cycle_, End::none);
    cycle_.report.announced = true;
    cycle_.report.cause->detail.clear();
    // On disk before the first hook runs: its `post` is owed from here on.
    if (const int error = replace_file(pending_path_, cycle_.id + "\n" + cycle_.kind + "\n");
        error != 0) {
        log(LogLevel::warning, "%s", explain("cannot write " + pending_path_, error).c_str());
    }
    const auto budget = loop_.after(std::chrono::milliseconds{announcement_.deadline_ms}, [this] {
        if (!answered_) {
            cycle_.refused_by = kOutOfTime;
            engine_.call_off(Errc::timed_out);
        }
    });
    machine_.trace.clear();
    const auto result = engine_.run({});
    loop_.cancel(budget);
    RESUME_ASSERT(result.ok());
    finish();
    return true;
}

Result<Outcome> Coordinator::wait_for_suspend() {
    if (!cycle_.announced) {
        return outcome_of(cycle_.report);
    }
    answered_ = true;
    if (announcement_.answer) {
        announcement_.answer(true, "");
    }
    const auto timer = loop_.after(std::chrono::milliseconds{announcement_.ttl_ms},
                                   [this] { release("", End::expired); });
    while (delivered_.empty() && end_ == End::none) {
        loop_.step();
    }
    loop_.cancel(timer);
    if (end_ == End::expired && announcement_.expired) {
        announcement_.expired();
    }
    if (!delivered_.empty()) {
        cycle_.report = std::move(delivered_.front());
        delivered_.pop_front();
        cycle_.kind = cycle_.report.kind;
    } else {
        cycle_.report = nothing_happened(cycle_, end_);
    }
    cycle_.report.announced = true;
    return outcome_of(cycle_.report);
}

void Coordinator::finish() {
    if (!answered_ && announcement_.answer) {
        answered_ = true;
        announcement_.answer(false, cycle_.refused_by.empty() ? "refused" : cycle_.refused_by);
    }
    if (!cycle_.recorded && unrecorded_) {
        unrecorded_(cycle_);
    }
    forget_left_behind();
    announcement_ = {};
    forget_devices();
}

// Told by now, and hundreds of them are the largest thing that the agent would keep.
void Coordinator::forget_devices() {
    cycle_.report.devices = decltype(cycle_.report.devices){};
}

void Coordinator::run_after(oracle::CycleReport report) {
    cycle_ = Cycle{};
    cycle_.kind = report.kind;
    cycle_.report = std::move(report);
    cycle_.id = "unannounced";
    announcement_ = {};
    answered_ = true;
    machine_.trace.clear();
    const auto result = engine_.run({});
    RESUME_ASSERT(result.ok());
    forget_devices();
}

void Coordinator::deliver(oracle::CycleReport report) {
    delivered_.push_back(std::move(report));
}

void Coordinator::run_delivered() {
    while (!delivered_.empty() && !engine_.running()) {
        oracle::CycleReport report = std::move(delivered_.front());
        delivered_.pop_front();
        run_after(std::move(report));
    }
}

void Coordinator::release(const std::string& id, End how) {
    if (!announced() || (!id.empty() && id != cycle_.id)) {
        return;
    }
    end_ = how;
    if (!answered_) {
        cycle_.refused_by = how == End::stopped ? "the agent is stopping" : "released";
        engine_.call_off(Errc::called_off);
    }
}

std::vector<std::string> Coordinator::left_behind() const {
    const auto text = read_file(pending_path_, 4096);
    if (!text) {
        return {};
    }
    const size_t end = text->find('\n');
    const std::string kind{trim(end == std::string::npos ? "" : text->substr(end))};
    return {text->substr(0, end), kind.empty() ? "unknown" : kind};
}

void Coordinator::mark_delivered_announced() {
    for (auto& report : delivered_) {
        report.announced = true;
    }
}

void Coordinator::forget_left_behind() const {
    ::unlink(pending_path_.c_str());
}

}  // namespace resume::agent
