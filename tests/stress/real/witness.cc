#include "tests/stress/real/witness.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "agent/report/cycle_log.h"
#include "tests/stress/campaign/dice.h"

namespace resume::stress::real {

namespace {

constexpr size_t kMostLines = 200;
constexpr size_t kMostReports = 4U << 20;

std::string_view id_of(std::string_view line) {
    constexpr std::string_view kKey = "\"id\":\"";
    const size_t at = line.find(kKey);
    const std::string_view rest = line.substr(at == std::string_view::npos ? 0 : at + kKey.size());
    return rest.substr(0, rest.find('"'));
}

std::string text_at(const nlohmann::json& json, const char* name) {
    const auto value = json.find(name);
    return value != json.end() && value->is_string() ? value->get<std::string>() : "";
}

}  // namespace

Pattern::Pattern(uint32_t mib, uint64_t seed) : seed_{seed} {
    words_.resize(size_t{mib} * (1U << 20) / sizeof(uint64_t));
    for (size_t i = 0; i < words_.size(); ++i) {
        words_[i] = mixed(seed_ + i);
    }
}

std::string Pattern::problem() const {
    for (size_t i = 0; i < words_.size(); ++i) {
        // volatile: the compiler knows that nobody writes here, and that is what is in question.
        const uint64_t is = *static_cast<const volatile uint64_t*>(&words_[i]);
        if (is != mixed(seed_ + i)) {
            return "memory changed: word " + std::to_string(i) + " of " +
                   std::to_string(words_.size());
        }
    }
    return {};
}

KernelLog::KernelLog() : kmsg_{agent::Root{}} {}

std::vector<std::string> KernelLog::take() {
    std::vector<std::string> lines;
    bool lost = false;
    while (auto record = kmsg_.next(lost)) {
        lines.push_back(std::move(record->text));
    }
    if (lines.size() > kMostLines) {
        lines.erase(lines.begin(), lines.end() - kMostLines);
    }
    return lines;
}

Devices::Devices()
    : before_{agent::doctor::take_inventory(agent::doctor::Root::live(),
                                            agent::doctor::live_cpuid())} {}

std::string Devices::problem() const {
    using agent::doctor::Difference;
    const auto now =
        agent::doctor::take_inventory(agent::doctor::Root::live(), agent::doctor::live_cpuid());
    for (const Difference& each : agent::doctor::compare(before_, now, {}).differences) {
        if (each.importance != agent::doctor::Class::informational &&
            each.kind != Difference::Kind::gained) {
            return "not as before: " + each.id + " was '" + each.was + "', is '" + each.now + "'";
        }
    }
    return {};
}

std::optional<AgentReport> report_from(std::string_view text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || text_at(json, "id").empty()) {
        return std::nullopt;
    }
    AgentReport report{.id = text_at(json, "id"),
                       .kind = text_at(json, "kind"),
                       .outcome = text_at(json, "outcome")};
    if (const auto cause = json.find("cause"); cause != json.end() && cause->is_object()) {
        const auto error = cause->find("errno");
        report.error = error != cause->end() && error->is_number_integer() ? error->get<int>() : 0;
        for (const char* name : {"phase", "device", "task", "errno_name"}) {
            if (const std::string value = text_at(*cause, name); !value.empty()) {
                report.cause += (report.cause.empty() ? "" : ", ") + (name + (" " + value));
            }
        }
    }
    return report;
}

AgentReports::AgentReports(std::string folder)
    : folder_{std::move(folder)}, watch_{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)} {
    here_ = ::inotify_add_watch(watch_.get(), folder_.c_str(),
                                IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0;
}

void AgentReports::forget() {
    agent::for_each_report(folder_ + "/cycles.jsonl", kMostReports,
                           [&](std::string_view line) { known_.emplace(id_of(line)); });
}

std::optional<AgentReport> AgentReports::look() {
    std::optional<AgentReport> found;
    agent::for_each_report(folder_ + "/cycles.jsonl", kMostReports, [&](std::string_view line) {
        if (found) {
            return;
        }
        // A report is 140 KiB and an emulated guest slow: only one that is new is read whole.
        if (!known_.emplace(id_of(line)).second) {
            return;
        }
        found = report_from(line);
    });
    return found;
}

std::optional<AgentReport> AgentReports::wait(std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        while (auto report = look()) {
            if (report->outcome != "none") {  // a clock step, a pause: no suspend
                return report;
            }
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) {
            return std::nullopt;
        }
        pollfd waited{.fd = watch_.get(), .events = POLLIN, .revents = 0};
        ::poll(&waited, 1, static_cast<int>(left.count()));
        char events[4096];
        while (::read(watch_.get(), events, sizeof events) > 0) {
        }
    }
}

}  // namespace resume::stress::real
