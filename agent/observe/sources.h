// All sources of one guest, made once at the start; those that are not there say why.
#pragma once

#include <memory>
#include <vector>

#include "agent/observe/clocks.h"
#include "agent/observe/evidence.h"
#include "agent/observe/kmsg.h"
#include "agent/observe/logind.h"
#include "agent/observe/netlink.h"
#include "agent/observe/reference_clock.h"
#include "agent/observe/tracefs.h"
#include "agent/observe/xenstore.h"

namespace resume::agent {

struct Sources {
    /// `store` may be null: no Xen. It belongs to the caller and outlives the sources.
    Sources(const Root& where, const TraceOptions& options, GuestStore* guest_store);

    Root root;
    TraceInstance trace;
    TraceInstance devices;
    Kmsg kmsg;
    NetlinkSocket links;
    NetlinkSocket uevents;
    CancelTimer clock_set;
    ReferenceClock reference;
    Logind logind;
    GuestStore* store;
    ClockReader clocks = read_clocks;
    CpuidReader cpuid = read_cpuid_here;

    [[nodiscard]] Snapshot snapshot();
    [[nodiscard]] std::vector<SourceState> states() const;
};

}  // namespace resume::agent
