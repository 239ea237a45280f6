#include "libresume/oracle/scene.h"

#include <algorithm>
#include "libresume/oracle/xen_abi.h"

namespace resume::oracle {
namespace {

/// A trace of nothing but violations helps nobody.
constexpr size_t kMostViolations = 1000;

}  // namespace

bool is_up(Phase phase) {
    switch (phase) {
        case Phase::syscore_resume:
        case Phase::resume_noirq:
        case Phase::resume_early:
        case Phase::resume:
        case Phase::complete:
            return true;
        default:
            return false;
    }
}

bool is_up(Step step) {
    return step > Step::enter;
}

Phase mirror_of(Phase phase) {
    switch (phase) {
        case Phase::prepare:
            return Phase::complete;
        case Phase::suspend:
            return Phase::resume;
        case Phase::suspend_late:
            return Phase::resume_early;
        case Phase::suspend_noirq:
            return Phase::resume_noirq;
        case Phase::syscore_suspend:
            return Phase::syscore_resume;
        case Phase::syscore_resume:
            return Phase::syscore_suspend;
        case Phase::resume_noirq:
            return Phase::suspend_noirq;
        case Phase::resume_early:
            return Phase::suspend_late;
        case Phase::resume:
            return Phase::suspend;
        case Phase::complete:
            return Phase::prepare;
        case Phase::none:
            break;
    }
    return Phase::none;
}

Sight group_of(EventKind kind) {
    switch (kind) {
        case EventKind::irqs_disabled:
        case EventKind::irqs_enabled:
        case EventKind::cpu_parked:
        case EventKind::cpu_unparked:
        case EventKind::cpu_online:
        case EventKind::cpu_offline:
        case EventKind::task_frozen:
        case EventKind::task_thawed:
            return Sight::platform;
        case EventKind::hypercall:
        case EventKind::guest_at_shutdown:
        case EventKind::memory_mapped:
        case EventKind::param_read:
        case EventKind::param_written:
        case EventKind::port_bound:
        case EventKind::port_closed:
        case EventKind::port_notified:
        case EventKind::vcpu_info_set:
        case EventKind::area_registered:
        case EventKind::timer_armed:
        case EventKind::pages_given:
        case EventKind::pages_fetched:
        case EventKind::msr_written:
            return Sight::hypercalls;
        case EventKind::store_request:
        case EventKind::store_reply:
        case EventKind::watch_added:
        case EventKind::watch_removed:
        case EventKind::request_seen:
        case EventKind::request_acked:
        case EventKind::feature_written:
            return Sight::store;
        default:
            return Sight::none;
    }
}

bool is_suspend_hypercall(const TraceEvent& event) {
    return event.kind == EventKind::hypercall && event.arg32 == __HYPERVISOR_sched_op &&
           event.arg64 == (uint64_t{SHUTDOWN_suspend} << 32 | SCHEDOP_shutdown);
}

Scene::Scene(const TraceView& view, Verdict& verdict)
    : view_{view}, verdict_{verdict}, slots_{view}, is_xen_{view.is_xen()} {
    for (uint8_t kind = 0; kind < kEventKindCount; ++kind) {
        const Sight group = group_of(static_cast<EventKind>(kind));
        only_others_[kind] = group != Sight::none && sighted(group);
    }
}

Outcome Scene::outcome() const {
    if (returned_) {
        return *returned_ == 0   ? Outcome::resumed
               : *returned_ == 1 ? Outcome::cancelled
                                 : Outcome::aborted;
    }
    return sighted(Sight::hypercalls) && is_xen_ ? Outcome::aborted
                                                 : claimed_.value_or(Outcome::aborted);
}

void Scene::violate(const char* id, std::string detail, DeviceId device) {
    Violation violation{id,
                        std::move(detail),
                        device == kNoDevice ? std::string{} : view_.device_name(device),
                        in_cycle_ ? number_ : 0,
                        index_,
                        ticks_};
    const auto same = [&violation](const Violation& other) {
        return other.cycle == violation.cycle && other.id == violation.id &&
               other.detail == violation.detail && other.device == violation.device;
    };
    std::vector<Violation>& all = verdict_.violations;
    if (all.size() < kMostViolations && std::none_of(all.begin(), all.end(), same)) {
        all.push_back(std::move(violation));
    }
}

void Scene::advance(const TraceEvent& event, uint64_t index) {
    index_ = index;
    ticks_ = event.ticks;
    switch (event.kind) {
        case EventKind::cycle_begin:
            in_cycle_ = true;
            ++cycles_seen_;
            number_ = event.arg32;
            step_ = Step::none;
            returned_.reset();
            claimed_.reset();
            evidence_ = DomainEvidence::unknown;
            break;
        case EventKind::step_begin:
            step_ = static_cast<Step>(event.arg32);
            break;
        case EventKind::outcome_known:
            claimed_ = static_cast<Outcome>(event.status);
            break;
        case EventKind::hypercall:
            if (is_suspend_hypercall(event)) {
                returned_ = event.status;
            }
            break;
        case EventKind::evidence:
            // A kernel's boundary often cannot tell; then what the driver found out stands.
            if (event.witness == Witness::other_side || evidence_ == DomainEvidence::unknown) {
                evidence_ = static_cast<DomainEvidence>(event.arg32);
            }
            break;
        default:
            break;
    }
}

void Scene::settle(const TraceEvent& event) {
    if (event.kind == EventKind::cycle_end) {
        in_cycle_ = false;
    } else if (event.kind == EventKind::step_end) {
        step_ = Step::none;
    }
}

}  // namespace resume::oracle
