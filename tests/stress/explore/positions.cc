#include "tests/stress/explore/positions.h"

#include <algorithm>
#include <cerrno>

#include "tests/stress/campaign/faults.h"

namespace resume::stress {

namespace {

constexpr uint32_t kFirstDown = static_cast<uint32_t>(Phase::prepare);
constexpr uint32_t kDownPhases = 4;
constexpr uint32_t kShortMs = 1, kLongMs = 400;

/// What the other side saw of the planned cycle: from the host's request to its next one.
std::vector<TraceEvent> planned_part(const oracle::TraceView& view) {
    std::vector<TraceEvent> part;
    uint32_t requests = 0;
    for (const TraceEvent& event : view.events) {
        if (event.witness != Witness::other_side) {
            continue;  // the guest tells of the same request again
        }
        requests += event.kind == EventKind::request_seen ? 1U : 0U;
        if (requests == 1) {
            part.push_back(event);
        }
    }
    return part;
}

uint32_t calls_of(const std::vector<TraceEvent>& part, const NamedCall& call) {
    return static_cast<uint32_t>(
        std::count_if(part.begin(), part.end(), [&](const TraceEvent& event) {
            return event.kind == EventKind::hypercall && event.arg32 == call.number &&
                   static_cast<uint32_t>(event.arg64) == call.sub;
        }));
}

uint32_t requests_of(const std::vector<TraceEvent>& part, const NamedCall& request) {
    return static_cast<uint32_t>(
        std::count_if(part.begin(), part.end(), [&](const TraceEvent& event) {
            return event.kind == EventKind::store_request && event.arg32 == request.number;
        }));
}

class Positions {
  public:
    Positions(const LifePlan& plan, const oracle::TraceView& view)
        : plan_{plan}, part_{planned_part(view)} {}

    std::vector<PlannedFault> all() {
        of_devices();
        of_vcpus();
        if (plan_.guest == model::GuestKind::kvm) {
            of_firmware_and_image();
            of_a_silent_host();
            return std::move(all_);
        }
        of_tasks_and_store();
        of_calls();
        of_backends();
        of_the_host();
        return std::move(all_);
    }

  private:
    using K = FaultKind;
    void add(K kind, uint32_t a = 0, uint32_t b = 0, uint32_t c = 0) {
        all_.push_back({.kind = kind, .a = a, .b = b, .c = c});
    }

    void of_devices() {
        const auto devices = static_cast<uint32_t>(plan_.devices.size());
        for (uint32_t device = 0; device < devices; ++device) {
            add(K::device_drains_late, device, kLongMs);
            add(K::device_connects_late, device, kLongMs);
            add(K::device_never_ends, device);
            for (uint32_t phase = kFirstDown; phase < kFirstDown + kDownPhases; ++phase) {
                for (const K kind :
                     {K::device_refuses, K::call_off, K::second_suspend, K::device_added}) {
                    add(kind, device, phase);
                }
                for (uint32_t gone = 0; gone < devices; ++gone) {
                    if (!has_children(plan_, gone)) {
                        add(K::device_removed, device, phase, gone);
                    }
                }
            }
        }
    }

    void of_tasks_and_store() {
        for (uint32_t task = 0; task < kTaskCount; ++task) {
            add(K::task_refuses, task);
        }
        add(K::task_in_store, 0, 100);
        add(K::task_killed, 0, 100);
        add(K::open_transaction);
        add(K::store_slow, 0, 20);
        // The last row of either table is only ever slow (faults.cc).
        for (uint32_t row = 0; row + 1 < store_requests().size(); ++row) {
            const uint32_t count = requests_of(part_, store_requests()[row]);
            for (uint32_t let = 0; let < count; ++let) {
                add(K::store_fails, row, let);
            }
        }
    }

    void of_calls() {
        for (uint32_t row = 0; row < calls_back().size(); ++row) {
            const uint32_t count = calls_of(part_, calls_back()[row]);
            for (uint32_t let = 0; let < count && row + 1 < calls_back().size(); ++let) {
                add(K::hypercall_fails, row, let, EIO);
            }
            if (count != 0) {
                add(K::hypercall_slow, row, 100);
            }
        }
    }

    void of_vcpus() {
        for (uint32_t vcpu = 0; vcpu < plan_.vcpus; ++vcpu) {
            add(K::time_stolen, vcpu, kLongMs);
            if (vcpu != 0) {
                add(K::vcpu_not_parked, vcpu);
            }
        }
    }

    void of_backends() {
        for (const uint32_t ms : {kShortMs, 3'000U}) {
            add(K::backend_slow, 0, ms);
        }
        add(K::backend_stays);
        for (const uint32_t ms : {0U, 5U, 29U}) {
            add(K::backend_unplugged, 0, ms);
        }
        for (uint32_t queues = 1; queues <= 2; ++queues) {
            for (const uint32_t segments : {0U, 16U, 64U}) {
                add(K::backend_other, queues, segments, segments == 16 ? 1 : 0);
            }
        }
        add(K::backend_moved, 3);
        if (plan_.network) {
            add(K::interface_removed);
        }
    }

    void of_the_host() {
        for (const uint32_t ms : {0U, 5U, 29U}) {
            add(K::asked_twice, 0, ms);
        }
        add(K::watch_storm, 200, 3);
        for (const uint32_t ms : {1U, 5U}) {
            add(K::host_gives_up, 0, ms);
        }
        add(K::host_gone);
    }

    void of_firmware_and_image() {
        for (const K kind : {K::firmware_awake, K::image_made, K::image_refused}) {
            add(kind);
        }
        for (const uint32_t ms : {0U, 1U, 5U, 29U}) {
            add(K::wakes_early, 0, ms);
        }
    }

    void of_a_silent_host() {
        constexpr auto kFirst = static_cast<uint32_t>(KvmWant::pause);
        for (uint32_t want = kFirst; want < kKvmWantCount; ++want) {
            for (const uint32_t ms : {0U, 1U, 5U, 29U}) {
                add(K::moved_meanwhile, want, ms);
            }
        }
        for (const uint32_t segments : {1U, 4U}) {
            add(K::fewer_features, 0, segments);
        }
        add(K::reseed_fails);
    }

    const LifePlan& plan_;
    const std::vector<TraceEvent> part_;
    std::vector<PlannedFault> all_;
};

}  // namespace

std::vector<PlannedFault> fault_positions(const LifePlan& plan, const oracle::TraceView& view) {
    return Positions{plan, view}.all();
}

}  // namespace resume::stress
