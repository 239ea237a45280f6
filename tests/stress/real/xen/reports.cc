#include "tests/stress/real/xen/reports.h"

namespace resume::stress::real {

void StoreReports::forget() {
    if (domain_ == nullptr) {
        return;
    }
    here_ = here_ || domain_->read("data/resume/version").has_value();
    if (const auto last = report_from(domain_->read("data/resume/last").value_or(""))) {
        known_ = last->id;
    }
}

std::optional<AgentReport> StoreReports::peek() const {
    auto report = report_from(domain_->read("data/resume/last").value_or(""));
    // A restored guest's agent writes its last report again before it has a new one.
    const bool is_new = report && report->id != known_ && report->outcome != "none";
    return is_new ? report : std::nullopt;
}

std::optional<AgentReport> StoreReports::wait(std::chrono::milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    for (;;) {
        if (auto report = peek()) {
            known_ = report->id;
            return report;
        }
        if (Clock::now() >= deadline) {
            return std::nullopt;
        }
        domain_->wait_for_event(deadline);
    }
}

}  // namespace resume::stress::real
