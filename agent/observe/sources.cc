#include "agent/observe/sources.h"

#include "agent/observe/acpi_events.h"

namespace resume::agent {

Sources::Sources(const Root& where, const TraceOptions& options, GuestStore* guest_store)
    : root{where},
      trace{where, TraceInstance::What::steps, options},
      devices{where, TraceInstance::What::devices, options},
      kmsg{where},
      links{NetlinkSocket::Family::links},
      uevents{NetlinkSocket::Family::uevents},
      reference{where},
      logind{where},
      store{guest_store} {}

Snapshot Sources::snapshot() {
    Snapshot snapshot;
    snapshot.clocks = clocks();
    snapshot.reference = reference.read();
    snapshot.stats = read_suspend_stats(root);
    snapshot.xen = read_xen_identity(cpuid);
    snapshot.acpi_gone = acpi_registers_gone(root);
    if (store != nullptr && store->fd() >= 0) {
        const StoreAnswer domid = store->read("domid");
        if (domid.ok() && parse_number(domid.value)) {
            snapshot.store_domid = domid.value;
        }
    }
    return snapshot;
}

std::vector<SourceState> Sources::states() const {
    std::vector<SourceState> states{trace.state(),
                                    devices.state(),
                                    kmsg.state(),
                                    clock_set.state(),
                                    reference.state(),
                                    links.state(),
                                    uevents.state(),
                                    read_suspend_stats(root).state(),
                                    state_of(read_xen_identity(cpuid)),
                                    logind.state(),
                                    state_of_acpi(acpi_registers_gone(root))};
    states.push_back(store != nullptr
                         ? store->state()
                         : SourceState{.name = "xenstore", .detail = "not a Xen guest"});
    return states;
}

}  // namespace resume::agent
