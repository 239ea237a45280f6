#include "agent/daemon/guest_watch.h"

#include <utility>

#include "agent/base/log.h"

namespace resume::agent {

InventoryParticipant::InventoryParticipant(Cycle& cycle, EventLoop& loop,
                                           doctor::GuestRecord& record)
    : Participant{cycle, "inventory", Pace::quick}, loop_{loop}, record_{record} {}

void InventoryParticipant::before(Done done) {
    record_.remember();
    done(Errc::none);
}

void InventoryParticipant::after(Outcome, Done done) {
    look(std::move(done), EventLoop::Clock::now() + kPatience);
}

void InventoryParticipant::look(Done done, EventLoop::Clock::time_point limit) {
    if (!record_.settled() && EventLoop::Clock::now() < limit) {
        loop_.after(kLook, [this, done = std::move(done), limit] { look(done, limit); });
        return;
    }
    record_.after_cycle(cycle().report);
    done(Errc::none);
}

VerdictKeeper::VerdictKeeper(EventLoop& loop, doctor::GuestRecord& record,
                             StorePublisher* publisher, Store store)
    : loop_{loop}, record_{record}, publisher_{publisher}, store_{std::move(store)} {}

VerdictKeeper::~VerdictKeeper() {
    loop_.cancel(timer_);
}

void VerdictKeeper::start() {
    // The answer comes at once where no package manager is asked: one verdict is enough then.
    record_.look_up_changelog(loop_, [this] { refresh(); });
    if (verdict_.empty()) {
        refresh();
    }
}

void VerdictKeeper::refresh() {
    loop_.cancel(timer_);
    doctor::Activity earlier = record_.activity();
    if (!earlier.busy()) {
        publish(std::nullopt);
        return;
    }
    if (verdict_.empty()) {
        publish(std::nullopt);  // a host that asks early gets an answer
    }
    timer_ = loop_.after(kBetweenLooks, [this, earlier = std::move(earlier)] { publish(earlier); });
}

void VerdictKeeper::publish(std::optional<doctor::Activity> earlier) {
    const auto diagnosis = record_.diagnosis(store_, std::move(earlier));
    std::string verdict = doctor::verdict_node(diagnosis.findings);
    if (verdict != verdict_) {
        const bool safe = diagnosis.verdict == doctor::Verdict::ok;
        log(safe ? LogLevel::info : LogLevel::warning, "doctor: %s%s", verdict.c_str(),
            safe ? "" : "; `resumectl doctor` says why and what to do");
    }
    verdict_ = std::move(verdict);
    if (publisher_ != nullptr) {
        publisher_->set("doctor", verdict_);
    }
}

}  // namespace resume::agent
