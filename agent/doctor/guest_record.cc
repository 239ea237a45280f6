#include "agent/doctor/guest_record.h"

#include <algorithm>
#include <utility>

namespace resume::agent::doctor {
namespace {

oracle::ReportCheck check_of(const Comparison& comparison) {
    size_t required = 0;
    size_t expected = 0;
    size_t waived = 0;
    for (const Difference& difference : comparison.differences) {
        waived += difference.waived ? 1 : 0;
        required += difference.importance == Class::required && !difference.waived ? 1 : 0;
        expected += difference.importance == Class::expected && !difference.waived ? 1 : 0;
    }
    const char* status = required > 0 ? "failed" : expected > 0 ? "warning" : "ok";
    return {"capabilities", status,
            std::to_string(required) + " required, " + std::to_string(expected) +
                " expected lost or changed, " + std::to_string(waived) + " waived"};
}

void add_changes(const Comparison& comparison, oracle::CycleReport& report) {
    for (const Difference& difference : comparison.differences) {
        report.changed.push_back({std::string{name_of(difference.importance)} + " " +
                                      difference.id + (difference.waived ? " (waived)" : ""),
                                  difference.was, difference.now});
    }
}

}  // namespace

GuestRecord::GuestRecord(Root root, Cpuid cpuid, std::set<std::string> waive)
    : root_{std::move(root)}, cpuid_{std::move(cpuid)}, waive_{std::move(waive)} {
    poison_.look(root_);  // what was lost before is no news of the next cycle
    remember();
}

void GuestRecord::remember() {
    inventory_ = take_inventory(root_, cpuid_);
}

bool GuestRecord::settled() const {
    return std::none_of(inventory_.items.begin(), inventory_.items.end(), [this](const Item& item) {
        constexpr std::string_view kPrefix = "xenbus.";
        constexpr std::string_view kSuffix = ".state";
        if (item.value != "Connected" || item.id.rfind(kPrefix, 0) != 0) {
            return false;
        }
        const std::string device =
            item.id.substr(kPrefix.size(), item.id.size() - kPrefix.size() - kSuffix.size());
        const std::string state = root_.line("/sys/bus/xen/devices/" + device + "/state");
        return !state.empty() && state != "Connected";  // one that is gone does not come back
    });
}

void GuestRecord::after_cycle(oracle::CycleReport& report) {
    Inventory now = take_inventory(root_, cpuid_);
    const Comparison comparison = compare(inventory_, now, waive_);
    add_changes(comparison, report);
    report.checks.push_back(check_of(comparison));
    inventory_ = std::move(now);
    if (const auto lost = poison_.look(root_)) {
        report.checks.push_back(
            {"poison", "warning",
             "HardwareCorrupted is " + std::to_string(lost->corrupted_kib) + " kB; " +
                 (lost->error.empty()
                      ? counted(lost->found, "page") + ": " + addresses_text(*lost, kPoisonListMax)
                      : "addresses not known (" + lost->error + ")")});
    }
}

void GuestRecord::look_up_changelog(EventLoop& loop, std::function<void()> found) {
    const auto kernels = kernels_of(root_);
    if (kernels.empty()) {
        found();
        return;
    }
    query_ = std::make_unique<ChangelogQuery>(loop);
    query_->ask(root_, kernels.front(), load_known_bad(installed_table(), kMoreKnownBad),
                [this, found = std::move(found)](std::string extract) {
                    changelog_ = std::move(extract);
                    found();
                });
}

Diagnosis GuestRecord::diagnosis(std::function<std::optional<std::string>(std::string_view)> store,
                                 std::optional<Activity> earlier) {
    Request request;
    request.root = root_;
    request.cpuid = cpuid_;
    request.changelog = changelog_;
    request.store = std::move(store);
    request.earlier = std::move(earlier);
    request.poison = poison_.now(root_);
    return diagnose(request);
}

}  // namespace resume::agent::doctor
