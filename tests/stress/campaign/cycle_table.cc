#include "tests/stress/campaign/cycle_table.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace resume::stress {

namespace {

constexpr std::size_t kSlowest = 5;
constexpr double kNsPerMs = 1e6;

struct Slow {
    const oracle::ReportDevice* device;
    uint64_t ns;
};

std::string row(const char* first, const char* second, uint64_t ns) {
    char line[128];
    std::snprintf(line, sizeof line, "  %-20s %-18s %12.3f ms\n", first, second,
                  static_cast<double>(ns) / kNsPerMs);
    return line;
}

std::vector<Slow> slowest(const oracle::CycleReport& report) {
    std::vector<Slow> all;
    for (const oracle::ReportDevice& device : report.devices) {
        if (device.end_ns) {
            all.push_back({&device, *device.end_ns - device.begin_ns});
        }
    }
    const std::size_t count = std::min(all.size(), kSlowest);
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(),
                      [](const Slow& a, const Slow& b) { return a.ns > b.ns; });
    all.resize(count);
    return all;
}

}  // namespace

void print_cycle(std::ostream& out, const oracle::CycleReport& report) {
    out << "cycle " << report.id << ": " << report.kind << " " << report.outcome;
    if (report.cause) {
        out << ", " << report.cause->device << " in " << report.cause->phase << ": "
            << oracle::errno_name(report.cause->error);
    }
    out << '\n';
    for (const oracle::ReportStep& step : report.steps) {
        out << row(step.name.c_str(), "", step.end_ns ? *step.end_ns - step.begin_ns : 0);
    }
    out << row("all of it", "", report.duration_ns);
    out << "  slowest:\n";
    for (const Slow& slow : slowest(report)) {
        out << row(slow.device->name.c_str(), slow.device->phase.c_str(), slow.ns);
    }
    for (const oracle::ReportViolation& violation : report.violations) {
        out << "  VIOLATED " << violation.id << ": " << violation.detail << ' ' << violation.device
            << '\n';
    }
    out << (report.violations.empty() ? "  the oracle: no violation\n\n" : "\n");
}

}  // namespace resume::stress
