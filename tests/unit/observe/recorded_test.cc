// Traces of a real kernel, recorded with ./dev lab kvm and ./dev lab xen: each is told right and
// none is blamed.
#include <gtest/gtest.h>

#include <sstream>

#include <nlohmann/json.hpp>

#include "agent/ctl/exit_codes.h"
#include "agent/ctl/verify.h"

namespace resume::agent {
namespace {

struct Recorded {
    const char* file;
    const char* kind;
    const char* outcome;
    const char* phase;   ///< where it stopped, or null
    const char* device;  ///< who refused, or null
    const char* error;
};

constexpr Recorded kRecorded[] = {
    {"kvm-s3.txt", "s3", "resumed", nullptr, nullptr, nullptr},
    {"kvm-s2idle.txt", "s2idle", "resumed", nullptr, nullptr, nullptr},
    {"kvm-pm-test-core.txt", "pm-test", "resumed", nullptr, nullptr, nullptr},
    {"kvm-device-refuses.txt", "s3", "aborted", "suspend", "alarmtimer.0.auto", "EBUSY"},
    {"kvm-task-refuses.txt", "s3", "aborted", "freeze_tasks", nullptr, "EBUSY"},
    {"kvm-wakeup-aborts.txt", "s3", "aborted", "freeze_tasks", nullptr, "EBUSY"},
    {"kvm-notifier-refuses.txt", "s3", "aborted", "prepare", nullptr, nullptr},
    {"xen-cancelled.txt", "xen-suspend", "cancelled", nullptr, nullptr, nullptr},
    {"xen-restored.txt", "xen-suspend", "resumed", nullptr, nullptr, nullptr},
    {"xen-task-refuses.txt", "xen-suspend", "aborted", "freeze_tasks", nullptr, "EBUSY"},
};

void expect_text(const nlohmann::json& value, const char* expected) {
    if (expected == nullptr) {
        EXPECT_TRUE(value.is_null()) << value;
    } else {
        EXPECT_EQ(value, expected);
    }
}

TEST(RecordedTraces, AreToldRightAndNoneIsBlamed) {
    for (const Recorded& row : kRecorded) {
        SCOPED_TRACE(row.file);
        std::ostringstream out;
        std::ostringstream err;
        EXPECT_EQ(verify({{std::string{RECORDED_TRACES} + "/" + row.file}, true}, out, err),
                  kExitGood)
            << out.str() << err.str();
        const auto report = nlohmann::json::parse(out.str(), nullptr, false);
        ASSERT_TRUE(report.is_object());
        EXPECT_EQ(report["kind"], row.kind);
        EXPECT_EQ(report["outcome"], row.outcome);
        if (row.phase == nullptr) {
            EXPECT_TRUE(report["cause"].is_null()) << report["cause"];
            continue;
        }
        expect_text(report["cause"]["phase"], row.phase);
        expect_text(report["cause"]["device"], row.device);
        expect_text(report["cause"]["errno_name"], row.error);
    }
}

}  // namespace
}  // namespace resume::agent
