// Reports as resumectl reads them: from cycles.jsonl, whether an agent runs or not.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace resume::agent {

inline constexpr const char* kStateFolder = "/var/lib/libresume";

struct StoredReports {
    std::vector<nlohmann::ordered_json> reports{};  ///< oldest first
    std::string problem{};                          ///< why nothing could be read
};

/// `path`: a file of JSON Lines, or a folder with cycles.jsonl and its older half in it. The newest
/// `most` are kept.
StoredReports read_reports(const std::string& path, size_t most = 10'000);

/// The report that `word` names: its id, the end of its id, a number from the newest (1) back, or
/// "last". nullptr when there is none.
const nlohmann::ordered_json* find_report(const StoredReports& stored, const std::string& word);

/// One line for people: when, kind, outcome, how long, why.
std::string summary_line(const nlohmann::ordered_json& report);

/// The whole report for people.
std::string describe_report(const nlohmann::ordered_json& report);

}  // namespace resume::agent
