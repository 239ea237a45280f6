// What the sources saw between two quiet moments: the raw material of one report or more.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/observe/clocks.h"
#include "agent/observe/kmsg.h"
#include "agent/observe/reference_clock.h"
#include "agent/observe/suspend_stats.h"
#include "agent/observe/xen_cpuid.h"

namespace resume::agent {

/// What stands still between cycles and may differ after one.
struct Snapshot {
    ClockSample clocks{};
    std::optional<ReferenceClock::Reading> reference{};
    SuspendStats stats{};
    std::optional<XenIdentity> xen{};
    std::optional<std::string> store_domid{};
    std::optional<bool> acpi_gone{};  ///< acpi_events.h
};

struct Evidence {
    int64_t since_boot_ns = 0;  ///< the agent watches since then; what is older it found
    Snapshot before{};
    Snapshot after{};
    std::string trace{};            ///< ftrace text of the steps
    bool trace_cut = false;         ///< more came than is kept
    std::string devices{};          ///< the same steps with the devices' callbacks
    bool devices_cut = false;       ///< they are not in `trace`, though they should be
    std::vector<KmsgFacts> kmsg{};  ///< one a suspend, in order
    bool clock_set = false;         ///< the cancel-on-set timer fired
    bool forked = false;            ///< the VM generation changed
    std::vector<std::string> notifying_links{};
    bool links_of_before = false;  ///< they may still be those of what was told last
    std::vector<SourceState> sources{};

    /// Something that looks like a suspend, in the trace or in the log.
    [[nodiscard]] bool has_suspend() const;
};

}  // namespace resume::agent
