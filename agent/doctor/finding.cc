#include "agent/doctor/finding.h"

#include <algorithm>

namespace resume::agent::doctor {
namespace {

constexpr const char* kMore = " and-more";

bool worse(const Finding& left, const Finding& right) {
    return static_cast<int>(left.verdict) > static_cast<int>(right.verdict);
}

}  // namespace

const char* name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::ok:
            return "ok";
        case Verdict::unknown:
            return "unknown";
        case Verdict::warning:
            return "warning";
        case Verdict::unsafe:
            return "unsafe";
    }
    return "?";
}

Verdict worst(const std::vector<Finding>& findings) {
    const auto found = std::max_element(
        findings.begin(), findings.end(),
        [](const Finding& left, const Finding& right) { return worse(right, left); });
    return found == findings.end() ? Verdict::ok : found->verdict;
}

std::string verdict_node(const std::vector<Finding>& findings, size_t limit) {
    const Verdict verdict = worst(findings);
    std::string node = verdict == Verdict::ok ? "safe" : name_of(verdict);
    std::vector<Finding> bad;
    std::copy_if(findings.begin(), findings.end(), std::back_inserter(bad),
                 [](const Finding& finding) { return finding.verdict != Verdict::ok; });
    std::stable_sort(bad.begin(), bad.end(), worse);
    const size_t reserved = std::string_view{kMore}.size();
    for (size_t i = 0; i < bad.size(); ++i) {
        const bool last = i + 1 == bad.size();
        if (node.size() + 1 + bad[i].id.size() + (last ? 0 : reserved) > limit) {
            return node + kMore;
        }
        node += " " + bad[i].id;
    }
    return node;
}

int exit_code(Verdict verdict, Verdict fail_on) {
    if (static_cast<int>(verdict) < static_cast<int>(fail_on)) {
        return 0;
    }
    switch (verdict) {
        case Verdict::ok:
            return 0;
        case Verdict::warning:
            return 1;
        case Verdict::unsafe:
            return 2;
        case Verdict::unknown:
            return 3;
    }
    return 3;
}

}  // namespace resume::agent::doctor
