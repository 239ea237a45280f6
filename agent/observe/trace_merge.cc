#include "agent/observe/trace_merge.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "agent/base/files.h"

namespace resume::agent {

namespace {

constexpr std::string_view kStep = ": suspend_resume: ";
constexpr std::string_view kCallback = ": device_pm_callback_";

/// Takes the first line off, with its end.
std::string_view take_line(std::string_view& text) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end == std::string_view::npos ? end : end + 1);
    text.remove_prefix(line.size());
    return line;
}

/// One event is stamped once for each buffer, one after the other: what is further apart was
/// stamped late, and much further apart it is a step of the same name in another suspend.
constexpr int64_t kMostApartNs = 1'000'000, kAnotherSuspendNs = 50'000'000;

struct Step {
    std::string_view what{};  ///< "dpm_prepare[2] begin"
    int64_t stamp_ns = 0;
    size_t begin = 0;  ///< of its line
    size_t end = 0;
};

std::vector<Step> steps_of(std::string_view trace) {
    std::vector<Step> steps;
    std::string_view rest = trace;
    while (!rest.empty()) {
        const size_t begin = trace.size() - rest.size();
        const std::string_view line = take_line(rest);
        const size_t at = line.find(kStep);
        const auto stamp = stamp_of(line);
        if (at != std::string_view::npos && stamp && line.ends_with('\n')) {
            steps.push_back({.what = line.substr(at + kStep.size()),
                             .stamp_ns = *stamp,
                             .begin = begin,
                             .end = trace.size() - rest.size()});
        }
    }
    return steps;
}

}  // namespace

std::optional<int64_t> stamp_of(std::string_view line) {
    size_t end = line.find(kStep);
    if (end == std::string_view::npos) {
        end = line.find(kCallback);
    }
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view before = line.substr(0, end);
    const std::string_view stamp = before.substr(before.rfind(' ') + 1);  // npos + 1 is 0
    const size_t point = stamp.find('.');
    constexpr size_t kMicroseconds = 6;
    if (point == std::string_view::npos || stamp.size() - point - 1 != kMicroseconds) {
        return std::nullopt;
    }
    const auto seconds = parse_number(stamp.substr(0, point));
    const auto rest = parse_number(stamp.substr(point + 1));
    constexpr int64_t kMostSeconds = INT64_MAX / 1'000'000'000 - 1;
    if (!seconds || !rest || *seconds < 0 || *seconds > kMostSeconds || *rest < 0) {
        return std::nullopt;
    }
    return *seconds * 1'000'000'000 + *rest * 1000;
}

std::optional<int64_t> first_stamp(std::string_view trace) {
    while (!trace.empty()) {
        if (const auto stamp = stamp_of(take_line(trace))) {
            return stamp;
        }
    }
    return std::nullopt;
}

std::optional<int64_t> last_stamp(std::string_view trace) {
    while (!trace.empty()) {
        if (trace.back() == '\n') {
            trace.remove_suffix(1);
        }
        const size_t begin = trace.rfind('\n');
        const size_t at = begin == std::string_view::npos ? 0 : begin + 1;
        if (const auto stamp = stamp_of(trace.substr(at))) {
            return stamp;
        }
        trace = trace.substr(0, at);
    }
    return std::nullopt;
}

std::optional<SameSteps> same_steps(std::string_view steps, std::string_view devices) {
    const auto wanted = steps_of(steps);
    const auto there = steps_of(devices);
    const auto same = [](const Step& one, const Step& other) {
        return one.what == other.what &&
               std::abs(one.stamp_ns - other.stamp_ns) < kAnotherSuspendNs;
    };
    const auto found = std::search(there.begin(), there.end(), wanted.begin(), wanted.end(), same);
    if (wanted.empty() || found == there.end()) {
        return std::nullopt;
    }
    const auto last = found + static_cast<std::ptrdiff_t>(wanted.size()) - 1;
    SameSteps part{.begin = found->begin, .end = last->end};
    for (size_t i = 0; i < wanted.size(); ++i) {
        const Step& step = found[static_cast<std::ptrdiff_t>(i)];
        part.late = part.late || step.stamp_ns > wanted[i].stamp_ns + kMostApartNs;
    }
    return part;
}

size_t length_until(std::string_view devices, int64_t ns) {
    std::string_view rest = devices;
    while (!rest.empty()) {
        const size_t at = devices.size() - rest.size();
        const std::string_view line = take_line(rest);
        const auto stamp = stamp_of(line);
        if ((stamp && *stamp > ns) || !line.ends_with('\n')) {
            return at;
        }
    }
    return devices.size();
}

}  // namespace resume::agent
