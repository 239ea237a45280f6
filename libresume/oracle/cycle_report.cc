#include "libresume/oracle/cycle_report.h"

#include <algorithm>
#include <iterator>

#include <cstring>

namespace resume::oracle {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json or_null(const std::optional<uint64_t>& number) {
    return number ? Json(*number) : Json(nullptr);
}

Json cause_of(const CycleReport& report) {
    if (!report.cause) {
        return nullptr;
    }
    const ReportCause& cause = *report.cause;
    return {{"phase", or_null(cause.phase)},
            {"device", or_null(cause.device)},
            {"task", or_null(cause.task)},
            {"errno", cause.error == 0 ? Json(nullptr) : Json(cause.error)},
            {"errno_name", or_null(errno_name(cause.error))},
            {"detail", cause.detail}};
}

template <class Row, class Make>
Json list(const std::vector<Row>& rows, Make make) {
    Json out = Json::array();
    for (const Row& row : rows) {
        out.push_back(make(row));
    }
    return out;
}

Json of_step(const ReportStep& step) {
    return {{"name", step.name}, {"begin_ns", step.begin_ns}, {"end_ns", or_null(step.end_ns)}};
}

Json of_device(const ReportDevice& device) {
    return {{"name", device.name},
            {"parent", or_null(device.parent)},
            {"phase", device.phase},
            {"begin_ns", device.begin_ns},
            {"end_ns", or_null(device.end_ns)},
            {"status", device.status}};
}

Json of_violation(const ReportViolation& violation) {
    return {{"id", violation.id},
            {"detail", violation.detail},
            {"device", or_null(violation.device)},
            {"at_ns", violation.at_ns}};
}

}  // namespace

nlohmann::ordered_json to_json(const CycleReport& report) {
    return {
        {"schema", kReportSchema},
        {"id", report.id},
        {"kind", report.kind},
        {"outcome", report.outcome},
        {"confidence", report.confidence},
        {"announced", report.announced},
        {"begin_boot_ns", report.begin_boot_ns},
        {"begin_realtime", or_null(report.begin_realtime)},
        {"duration_ns", report.duration_ns},
        {"cause", cause_of(report)},
        {"steps", list(report.steps, of_step)},
        {"devices", list(report.devices, of_device)},
        {"checks",
         list(report.checks,
              [](const ReportCheck& check) {
                  return Json{{"id", check.id}, {"status", check.status}, {"detail", check.detail}};
              })},
        {"changed",
         list(report.changed,
              [](const ReportChange& change) {
                  return Json{{"what", change.what}, {"from", change.from}, {"to", change.to}};
              })},
        {"violations", list(report.violations, of_violation)},
        {"sources", list(report.sources, [](const ReportSource& source) {
             return Json{
                 {"name", source.name}, {"available", source.available}, {"said", source.said}};
         })}};
}

std::string to_line(const CycleReport& report) {
    return to_json(report).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string errno_name(int error) {
    const char* name = error == 0 ? nullptr : strerrorname_np(error);
    return name == nullptr ? std::string{} : std::string{name};
}

std::string cut_line(const std::string& line, std::size_t limit) {
    auto report = nlohmann::ordered_json::parse(line, nullptr, false);
    if (!report.is_object()) {
        return "{}";
    }
    constexpr const char* kKept[] = {"schema", "id", "kind", "outcome", "cause"};
    std::string text = report.dump();
    while (text.size() > limit) {
        std::string longest;
        std::size_t size = 0;
        for (const auto& [name, value] : report.items()) {
            const bool kept =
                std::find(std::begin(kKept), std::end(kKept), name) != std::end(kKept);
            if (const std::size_t here = value.dump().size(); !kept && here > size) {
                longest = name;
                size = here;
            }
        }
        if (longest.empty()) {
            break;
        }
        report.erase(longest);
        report["cut"] = true;
        text = report.dump();
    }
    if (text.size() > limit && report.contains("cause") && report["cause"].is_object()) {
        report["cause"].erase("detail");
        text = report.dump();
    }
    return text.size() <= limit ? text : "{}";
}

}  // namespace resume::oracle
