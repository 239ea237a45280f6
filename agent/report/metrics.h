// A file for node_exporter's textfile collector: counts since the agent started, and the last
// cycle. Written whole or not at all.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace resume::agent {

class Metrics {
  public:
    /// `kind` and `outcome` as in the report; times in nanoseconds.
    void add(const std::string& kind, const std::string& outcome, int64_t begin_realtime_ns,
             int64_t duration_ns);

    [[nodiscard]] std::string text() const;
    /// Writes FOLDER/libresume.prom; 0 or an errno.
    [[nodiscard]] int write(const std::string& folder) const;

  private:
    std::map<std::pair<std::string, std::string>, uint64_t> counts_{};
    int64_t last_begin_ns_ = 0;
    int64_t last_duration_ns_ = 0;
};

}  // namespace resume::agent
