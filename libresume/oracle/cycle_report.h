// The report of one cycle: the one shape for everything that tells of a cycle
// (cycle-1.schema.json). Consumers ignore members and accept kinds that they do not know.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "libresume/terms.h"

namespace resume::oracle {

inline constexpr const char* kReportSchema = "cycle-1";

/// What ended the way down before the guest left.
struct ReportCause {
    std::string phase;   ///< name of a Phase or Step
    std::string device;  ///< name, or empty
    std::string task;    ///< name, or empty
    int error = 0;       ///< positive errno, 0 when there is none
    std::string detail;
};

struct ReportStep {
    std::string name;
    uint64_t begin_ns = 0;
    std::optional<uint64_t> end_ns;  ///< none: it never ended in what was seen
};

struct ReportDevice {
    std::string name;
    std::string parent;
    std::string phase;
    uint64_t begin_ns = 0;
    std::optional<uint64_t> end_ns;
    int status = 0;  ///< as the kernel has it: 0 or a negative errno
};

/// Something looked at after the cycle: `status` is ok, warning, failed or inconclusive.
struct ReportCheck {
    std::string id;
    std::string status;
    std::string detail;
};

struct ReportChange {
    std::string what;
    std::string from;
    std::string to;
};

struct ReportViolation {
    std::string id;  ///< of the invariant
    std::string detail;
    std::string device;
    uint64_t at_ns = 0;
};

struct ReportSource {
    std::string name;
    bool available = true;
    std::string said;  ///< what it gave as evidence, or why it is not available
};

/// Times are nanoseconds of CLOCK_BOOTTIME where the source has that clock.
struct CycleReport {
    std::string id;
    std::string kind;                 ///< name of a Kind, or "unknown"
    std::string outcome = "unknown";  ///< resumed, cancelled, aborted, unknown, none
    std::string confidence = "high";  ///< high, medium, low
    bool announced = false;
    uint64_t begin_boot_ns = 0;
    std::string begin_realtime;  ///< RFC 3339, or empty when not known
    uint64_t duration_ns = 0;
    std::optional<ReportCause> cause;
    std::vector<ReportStep> steps;
    std::vector<ReportDevice> devices;
    std::vector<ReportCheck> checks;
    std::vector<ReportChange> changed;
    std::vector<ReportViolation> violations;
    std::vector<ReportSource> sources;
};

/// Members in the order of the schema; strings that are not UTF-8 are made so when it is dumped by
/// to_line.
[[nodiscard]] nlohmann::ordered_json to_json(const CycleReport& report);

/// One line of JSON Lines, without its newline.
[[nodiscard]] std::string to_line(const CycleReport& report);

/// A line cut to what one node of the store holds: whole members are left out, the longest first,
/// and `"cut": true` says so; it stays valid JSON. What it was, how it ended and why goes last.
[[nodiscard]] std::string cut_line(const std::string& line, std::size_t limit);

/// "EBUSY" for 16; empty for 0 and for numbers without a name.
[[nodiscard]] std::string errno_name(int error);

}  // namespace resume::oracle
