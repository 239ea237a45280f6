#include "agent/report/metrics.h"

#include <stdio.h>

#include "agent/base/files.h"

namespace resume::agent {

namespace {

std::string seconds(int64_t ns) {
    char text[40];
    snprintf(text, sizeof text, "%.9f", static_cast<double>(ns) / 1e9);
    return text;
}

}  // namespace

void Metrics::add(const std::string& kind, const std::string& outcome, int64_t begin_realtime_ns,
                  int64_t duration_ns) {
    ++counts_[{kind, outcome}];
    last_begin_ns_ = begin_realtime_ns;
    last_duration_ns_ = duration_ns;
}

std::string Metrics::text() const {
    std::string out =
        "# HELP libresume_cycles_total Suspends and interruptions seen since the agent started.\n"
        "# TYPE libresume_cycles_total counter\n";
    for (const auto& [labels, count] : counts_) {
        out += "libresume_cycles_total{kind=\"" + labels.first + "\",outcome=\"" + labels.second +
               "\"} " + std::to_string(count) + "\n";
    }
    if (counts_.empty()) {
        return out;
    }
    return out +
           "# HELP libresume_last_cycle_timestamp_seconds When the last one began.\n"
           "# TYPE libresume_last_cycle_timestamp_seconds gauge\n"
           "libresume_last_cycle_timestamp_seconds " +
           seconds(last_begin_ns_) +
           "\n# HELP libresume_last_cycle_duration_seconds How long it took, asleep and awake.\n"
           "# TYPE libresume_last_cycle_duration_seconds gauge\n"
           "libresume_last_cycle_duration_seconds " +
           seconds(last_duration_ns_) + "\n";
}

int Metrics::write(const std::string& folder) const {
    return replace_file(folder + "/libresume.prom", text());
}

}  // namespace resume::agent
