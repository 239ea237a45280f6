// What each planned fault does to the guest, its backends and its machine.
#include <cerrno>

#include "tests/stress/campaign/faults.h"
#include "tests/stress/campaign/stage.h"

#include <xen/io/xs_wire.h>

namespace resume::stress {
namespace {

constexpr uint32_t kForEver = 1'000'000;

}  // namespace

void Stage::arm(const PlannedFault& fault) {
    own_devices_->arm(fault);
    arm_backend(fault);
    arm_machine(fault);
    arm_calls(fault);
}

void Stage::arm_backend(const PlannedFault& fault) {
    model::Blkback& backend = disk_->backend;
    switch (fault.kind) {
        case FaultKind::backend_slow:
            backend.config.latency = fault.b * model::kMillisecond;
            break;
        case FaultKind::backend_stays:
            backend.stays_behind = true;
            break;
        case FaultKind::backend_unplugged:
            unplugged_ = true;
            machine().clock.after(fault.b * model::kMillisecond, [&backend] { backend.unplug(); });
            break;
        case FaultKind::backend_other:
            backend.disk.queues = fault.a;
            backend.disk.indirect_segments = fault.b;
            backend.disk.persistent = fault.c != 0;
            break;
        case FaultKind::backend_moved:
            backend.config.domid = static_cast<DomId>(fault.a);
            if (has_net()) {
                net_->backend.config.domid = backend.config.domid;
            }
            break;
        case FaultKind::backend_keeps:
            backend.replugs = false;
            if (has_net()) {
                net_->backend.replugs = false;
            }
            break;
        case FaultKind::interface_removed:
            if (has_net()) {
                lets_go_ = true;
                net_->backend.config.waits_for_frontend = false;
            }
            break;
        default:
            break;
    }
}

void Stage::storm(uint32_t events, Nanoseconds gap) {
    for (uint32_t i = 0; i < 10 && i < events; ++i) {
        machine().store->write(kPoked, std::to_string(events - i));
    }
    if (events > 10) {
        machine().clock.after(gap, [this, events, gap] { storm(events - 10, gap); });
    }
}

void Stage::arm_machine(const PlannedFault& fault) {
    model::FaultPlan& faults = machine().faults;
    const Nanoseconds wait = fault.b * model::kMillisecond;
    switch (fault.kind) {
        case FaultKind::task_refuses:
            guest_.tasks().at(fault.a).refuses = true;
            break;
        case FaultKind::task_in_store:
        case FaultKind::task_killed:
            faults.add({.site = model::FaultSite::store_request,
                        .number = XS_READ,
                        .times = kForEver,
                        .delay = wait});
            guest_.tasks().at(kTaskInStore).busy = true;
            guest_.idle(model::kMillisecond);
            break;
        case FaultKind::open_transaction:
            if (transaction_open_) {
                break;
            }
            guest_.run([this] {
                transaction_open_ = guest_.guest()
                                        .store()
                                        .begin(guest_.tasks().at(kTransactionTask).transaction)
                                        .ok();
            });
            break;
        case FaultKind::asked_twice:
            machine().toolstack.follow(model::HostAct::checkpoint);
            machine().clock.after(wait, [this] {
                // Before the cycle it would be one request, said twice.
                if (guest_.guest().engine().running()) {
                    machine().store->write("control/shutdown", "suspend");
                }
            });
            break;
        case FaultKind::watch_storm:
            storm(fault.a, wait);
            break;
        case FaultKind::time_stolen:
            machine().vcpus.add_steal(fault.a % plan_.vcpus, wait);  // a smaller plan has fewer
            break;
        case FaultKind::memory_wanted:
            machine().clock.after(wait,
                                  [&on = machine(), pages = fault.a] { want_pages(on, pages); });
            break;
        case FaultKind::vcpus_wanted:
            machine().clock.after(
                wait, [&on = machine(), count = fault.a] { on.toolstack.set_vcpus(count); });
            break;
        case FaultKind::host_gives_up:
            machine().toolstack.ack_timeout = wait;
            break;
        default:
            break;
    }
}

void Stage::arm_calls(const PlannedFault& fault) {
    model::FaultPlan& faults = machine().faults;
    const Nanoseconds wait = fault.b * model::kMillisecond;
    switch (fault.kind) {
        case FaultKind::hypercall_fails:
            faults.add({.number = calls_back()[fault.a].number,
                        .sub = calls_back()[fault.a].sub,
                        .skip = fault.b,
                        .error = static_cast<int32_t>(fault.c)});
            break;
        case FaultKind::hypercall_slow:
            faults.add({.number = calls_back()[fault.a].number,
                        .sub = calls_back()[fault.a].sub,
                        .times = 4,
                        .delay = wait});
            break;
        case FaultKind::store_fails:
            faults.add({.site = model::FaultSite::store_request,
                        .number = store_requests()[fault.a].number,
                        .skip = fault.b,
                        .error = EAGAIN});
            break;
        case FaultKind::store_slow:
            for (const NamedCall& request : store_requests()) {
                faults.add({.site = model::FaultSite::store_request,
                            .number = request.number,
                            .times = kForEver,
                            .delay = wait});
            }
            break;
        case FaultKind::vcpu_not_parked:
            faults.add({.site = model::FaultSite::park, .number = fault.a});
            break;
        default:
            break;
    }
}

}  // namespace resume::stress
