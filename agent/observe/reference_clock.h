// A clock that goes on while the guest is stopped: the hypervisor's own (ptp_kvm, /dev/ptpN), or
// the RTC with its one second. Against REALTIME it is the only sign of a paused or migrated KVM
// guest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/base/files.h"
#include "agent/base/unique_fd.h"
#include "agent/observe/source.h"

namespace resume::agent {

class ReferenceClock {
  public:
    enum class Type { none, rtc, ptp };

    explicit ReferenceClock(const Root& root);

    struct Reading {
        int64_t lead_ns = 0;   ///< reference minus REALTIME; an RTC in local time keeps its offset
        int64_t error_ns = 0;  ///< resolution: what a single reading may be off
    };
    /// nullopt when the clock is not there (any more). An RTC's reading is good to a second: it is
    /// not waited for, so that no wake-up is spent on it.
    std::optional<Reading> read();

    [[nodiscard]] Type type() const noexcept { return type_; }
    [[nodiscard]] SourceState state() const;

  private:
    Type type_ = Type::none;
    std::string rtc_path_{};
    std::string name_{};
    UniqueFd ptp_{};
};

}  // namespace resume::agent
