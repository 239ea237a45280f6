// /dev/kmsg: what the kernel says beside its events: where a suspend of a path with no events began
// and ended, who refused to freeze, which notifier failed, that the generation changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/files.h"
#include "agent/base/unique_fd.h"
#include "agent/observe/source.h"

namespace resume::agent {

/// One record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg).
struct KmsgRecord {
    uint64_t sequence = 0;
    int64_t time_us = 0;  ///< the kernel's local clock, not BOOTTIME
    std::string text{};
};

/// nullopt when `raw` is not "priority,sequence,time,flags;text". Continuation lines are dropped.
std::optional<KmsgRecord> parse_kmsg(std::string_view raw);

/// What the lines of one cycle come to. Kernel texts are no interface: every field is optional, and
/// nothing is decided by them where an event or a counter exists.
struct KmsgFacts {
    bool entered = false;       ///< "PM: suspend entry" or "PM: hibernation: hibernation entry"
    bool left = false;          ///< "PM: suspend exit" or "... hibernation exit"
    std::string sleep_state{};  ///< deep, s2idle, shallow, disk
    bool test_wait = false;     ///< a pm_test level was reached
    bool freeze_failed = false;
    bool freeze_aborted = false;  ///< by a wake-up
    std::string refusing_task{};  ///< comm of the first task that would not freeze
    int64_t refusing_pid = 0;
    std::string refusing_device{};
    int refusing_device_errno = 0;
    std::string notifier{};  ///< what a notifier refused, for instance PM_SUSPEND_PREPARE
    int notifier_errno = 0;
    bool unsupported_test = false;  ///< "Unsupported test mode for suspend to idle"
    bool woke_early = false;        ///< "early wake event detected"
    bool forked = false;            ///< the VM generation changed
    bool xen = false;               ///< the xenwatch path spoke
    int xen_errno = 0;
    std::string hardware_error{};  ///< first "ACPI Error" while the machine should have slept
    bool lost = false;             ///< records were overwritten before they were read

    void add(std::string_view text);
    /// Something of a suspend was seen.
    [[nodiscard]] bool any() const noexcept { return entered || left || xen || freeze_failed; }
};

class Kmsg {
  public:
    explicit Kmsg(const Root& root);

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] SourceState state() const;
    /// The next record; nullopt when there is none for now. `lost` is set when some were
    /// overwritten.
    std::optional<KmsgRecord> next(bool& lost);

  private:
    UniqueFd fd_;
    int error_ = 0;
};

}  // namespace resume::agent
