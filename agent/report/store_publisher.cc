#include "agent/report/store_publisher.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/files.h"
#include "agent/base/log.h"

namespace resume::agent {

using nlohmann::json;

std::string cut_report(std::string_view line, size_t limit) {
    json report = json::parse(line, nullptr, false);
    if (!report.is_object()) {
        return "{}";
    }
    std::string text = report.dump();
    // What says what happened stays; the long lists go first.
    constexpr const char* kKept[] = {"schema", "id", "kind", "outcome", "cause"};
    while (text.size() > limit) {
        std::string longest;
        size_t size = 0;
        for (const auto& [name, value] : report.items()) {
            const bool kept =
                std::find(std::begin(kKept), std::end(kKept), name) != std::end(kKept);
            if (const size_t here = value.dump().size(); !kept && here > size) {
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
    if (text.size() > limit && report.contains("cause")) {
        report["cause"].erase("detail");
        text = report.dump();
    }
    return text.size() <= limit ? text : "{}";
}

StorePublisher::StorePublisher(Write write) : write_{std::move(write)} {
    values_["version"] = kStoreVersion;
}

void StorePublisher::set(const std::string& node, std::string value) {
    values_[node] = std::move(value);
    write(node, values_[node]);
}

void StorePublisher::keep(const std::string& node, std::string value) {
    values_[node] = std::move(value);
}

void StorePublisher::forget(const std::string& node) {
    values_.erase(node);
}

void StorePublisher::publish_all() {
    for (const auto& [node, value] : values_) {
        write(node, value);
    }
}

void StorePublisher::write(const std::string& node, const std::string& value) {
    const int error = write_("data/resume/" + node, value);
    int& last = last_error_[node];
    if (error != 0) {
        ++failures_;
        if (error != last) {
            log(LogLevel::warning, "xenstore: cannot write data/resume/%s: %s", node.c_str(),
                explain("write", error).c_str());
        }
    }
    last = error;
}

}  // namespace resume::agent
