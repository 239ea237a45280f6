#include "tests/stress/campaign/faults.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <xen/io/xs_wire.h>

#include "libresume/platform/xen.h"

namespace resume::stress {

namespace {

uint32_t any_device(Dice& dice, const LifePlan& plan) {
    return dice.below(static_cast<uint32_t>(plan.devices.size()));
}
void device(Dice& dice, const LifePlan& plan, PlannedFault& fault) {
    fault.a = any_device(dice, plan);
}
void device_and_phase(Dice& dice, const LifePlan& plan, PlannedFault& fault) {
    device(dice, plan, fault);
    fault.b = static_cast<uint32_t>(Phase::prepare) + dice.below(4);
}
void device_and_wait(Dice& dice, const LifePlan& plan, PlannedFault& fault) {
    device(dice, plan, fault);
    fault.b = 1 + dice.below(400);
}
void removal(Dice& dice, const LifePlan& plan, PlannedFault& fault) {
    device_and_phase(dice, plan, fault);
    do {
        fault.c = any_device(dice, plan);
    } while (has_children(plan, fault.c));
}
void task(Dice& dice, const LifePlan&, PlannedFault& fault) {
    fault.a = dice.below(kTaskCount);
}
void nothing(Dice&, const LifePlan&, PlannedFault&) {}
void slow_read(Dice& dice, const LifePlan&, PlannedFault& fault) {
    fault.b = 20 + dice.below(180);
}
void soon(Dice& dice, const LifePlan&, PlannedFault& fault) {
    fault.b = dice.below(30);
}
void failing_call(Dice& dice, const LifePlan&, PlannedFault& fault) {
    // An unmask that fails loses an event, which Xen does to nobody: the last row is only slow.
    fault.a = dice.below(static_cast<uint32_t>(calls_back().size()) - 1);
    fault.b = dice.below(4);
    fault.c = dice.one_in(2) ? EIO : EINVAL;
}
void slow_call(Dice& dice, const LifePlan&, PlannedFault& fault) {
    fault.a = dice.below(static_cast<uint32_t>(calls_back().size()));
    fault.b = 1 + dice.below(100);
}
void failing_request(Dice& dice, const LifePlan&, PlannedFault& fault) {
    // A daemon has no reason to refuse a read outside of a transaction: a frontend that meets it
    // lets go of its rings (failures/read-refused.plan). The last row is only slow.
    fault.a = dice.below(static_cast<uint32_t>(store_requests().size()) - 1);
}
void vcpu(Dice& dice, const LifePlan& plan, PlannedFault& fault) {
    fault.a = dice.below(plan.vcpus);
    fault.b = 1 + dice.below(500);
}
void backend_wait(Dice& dice, const LifePlan&, PlannedFault& fault) {
    fault.b = 1 + dice.below(dice.one_in(4) ? 3'000 : 100);
}
void backend_shape(Dice& dice, const LifePlan&, PlannedFault& fault) {
    fault.a = 1 + dice.below(2);
    fault.b = dice.one_in(2) ? 0U : 16U << dice.below(3);
    fault.c = dice.below(2);
}
void backend_domain(Dice& dice, const LifePlan&, PlannedFault& fault) {
    fault.a = dice.below(4);
}
void storm(Dice& dice, const LifePlan&, PlannedFault& fault) {
    fault.a = 10 * (1 + dice.below(20));
    fault.b = dice.below(8);
}
void memory(Dice& dice, const LifePlan&, PlannedFault& fault) {
    fault.a = dice.below(12);  // more than the pool has, too
    fault.b = dice.below(200);
}
void other_vcpus(Dice& dice, const LifePlan& plan, PlannedFault& fault) {
    fault.a = 1 + dice.below(plan.vcpus + plan.spare_vcpus);
    fault.b = dice.below(200);
}
/// Most of it within the way down, which takes a few ms; some of it as long as the guest sleeps.
void any_wait(Dice& dice, const LifePlan&, PlannedFault& fault) {
    fault.b = dice.below(dice.one_in(3) ? 2'000 : 8);
}
void host_act(Dice& dice, const LifePlan& plan, PlannedFault& fault) {
    constexpr auto kFirst = static_cast<uint32_t>(KvmWant::pause);
    fault.a = kFirst + dice.below(kKvmWantCount - kFirst);
    any_wait(dice, plan, fault);
}
void disk_features(Dice& dice, const LifePlan&, PlannedFault& fault) {
    fault.a = dice.below(2);
    fault.b = 1 + dice.below(14);
}
void patience(Dice& dice, const LifePlan&, PlannedFault& fault) {
    fault.b = 1 + dice.below(5);
}

using K = FaultKind;
constexpr uint8_t kLateDisk = kLate | kDiskGoes;

// clang-format off
constexpr FaultRow kRows[] = {
    {K::device_refuses, "device-refuses", "{dev a} refuses in {phase b}", 6, kAborts | kErrandFails, kOnAny, device_and_phase},
    {K::device_drains_late, "device-drains-late", "{dev a} takes {b} ms to drain", 8, kHarmless, kOnAny, device_and_wait},
    {K::device_connects_late, "device-connects-late", "{dev a} takes {b} ms to connect again", 8, kHarmless, kOnAny, device_and_wait},
    {K::device_never_ends, "device-never-ends", "{dev a} begins to suspend and never ends", 2, kAborts | kLate | kErrandFails, kOnAny, device},
    {K::task_refuses, "task-refuses", "task {a} cannot be frozen", 3, kAborts | kErrandFails, kOnXen, task},
    {K::task_in_store, "task-in-store", "a task is inside the store, which takes {b} ms to answer", 6, kHarmless, kOnXen, slow_read},
    {K::task_killed, "task-killed", "a task is killed inside the store, which takes {b} ms to answer", 3, kHarmless, kOnXen, slow_read},
    {K::open_transaction, "open-transaction", "a task has a transaction open and ends it after the cycle", 6, kHarmless, kOnXen, nothing},
    {K::call_off, "call-off", "the suspend is called off in {phase b} of {dev a}", 4, kAborts | kErrandFails, kOnAny, device_and_phase},
    {K::second_suspend, "second-suspend", "the guest is told to suspend again in {phase b} of {dev a}", 4, kHarmless, kOnAny, device_and_phase},
    {K::asked_twice, "asked-twice", "the host asks again {b} ms after it asked", 3, kErrandFails | kAborts, kOnXen, soon},
    {K::device_removed, "device-removed", "{dev c} is unregistered in {phase b} of {dev a}", 5, kHarmless, kOnAny, removal},
    {K::device_added, "device-added", "a device is registered in {phase b} of {dev a}", 4, kHarmless, kOnAny, device_and_phase},
    {K::hypercall_fails, "hypercall-fails", "{call a} fails with errno {c} after {b} that do not", 3, kAborts | kLate | kMayKill | kErrandFails, kOnXen, failing_call},
    {K::hypercall_slow, "hypercall-slow", "{call a} takes {b} ms", 5, kHarmless, kOnXen, slow_call},
    {K::store_fails, "store-fails", "the store answers {request a} with EAGAIN once, after {b} that it does not", 6, kHarmless, kOnXen, failing_request},
    {K::store_slow, "store-slow", "the store takes {b} ms for each request", 4, kHarmless, kOnXen, soon},
    {K::vcpu_not_parked, "vcpu-not-parked", "vCPU {a} does not come to be parked", 3, kAborts | kErrandFails, kOnAny, vcpu},
    {K::backend_slow, "backend-slow", "the disk's backend takes {b} ms a step", 6, kLate, kOnXen, backend_wait},
    {K::backend_stays, "backend-stays", "the disk does not come along", 1, kLateDisk, kOnXen, nothing},
    {K::backend_unplugged, "backend-unplugged", "the disk is unplugged {b} ms after the request", 1, kLateDisk, kOnXen, soon},
    {K::backend_other, "backend-other", "the next backend offers {a} queues and {b} segments", 6, kHarmless, kOnXen, backend_shape},
    {K::backend_moved, "backend-moved", "the next backends are in domain {a}", 4, kHarmless, kOnXen, backend_domain},
    {K::backend_keeps, "backend-keeps", "a reset in place writes no new nodes", 4, kLate, kOnXen, nothing},
    {K::watch_storm, "watch-storm", "{a} watch events, ten every {b} ms", 4, kHarmless, kOnXen, storm},
    {K::time_stolen, "time-stolen", "vCPU {a} loses {b} ms to others", 5, kHarmless, kOnAny, vcpu},
    {K::host_gives_up, "host-gives-up", "the host cancels its request after {b} ms", 2, kErrandFails | kAborts, kOnXen, patience},
    {K::interface_removed, "interface-removed", "the network's backend does not come, and the guest lets go of its interface", 2, kLate, kOnXen, nothing},
    {K::memory_wanted, "memory-wanted", "the host wants {a} pages of the guest's memory {b} ms after the request", 6, kHarmless, kOnXen, memory},
    {K::vcpus_wanted, "vcpus-wanted", "the guest is to have {a} vCPUs from {b} ms after the request on", 6, kHarmless, kOnXen, other_vcpus},
    {K::wakes_early, "wakes-early", "the power button is pressed {b} ms after the suspend began", 6, kAborts, kOnKvm, any_wait},
    {K::firmware_awake, "firmware-awake", "the firmware does not sleep", 4, kHarmless, kOnKvm, nothing},
    {K::image_made, "image-made", "an image cannot be written", 4, kHarmless, kOnKvm, nothing},
    {K::image_refused, "image-refused", "there is no memory for an image", 3, kAborts, kOnKvm, nothing},
    {K::moved_meanwhile, "moved-meanwhile", "{want a} {b} ms after the suspend began", 6, kHarmless, kOnKvm, host_act},
    {K::fewer_features, "fewer-features", "the disk has {b} segments and {a} flush from its next reset on", 4, kHarmless, kOnKvm, disk_features},
    {K::reseed_fails, "reseed-fails", "the random number generator takes no new seed", 2, kLate, kOnKvm, nothing},
    {K::host_gone, "host-gone", "the host never lets the guest run again", 0, kEnds, kOnXen, nothing},
};
// clang-format on
static_assert(sizeof kRows / sizeof *kRows == kFaultKindCount);

bool on_this_guest(FaultKind kind, const LifePlan& plan) {
    const uint8_t guest = plan.guest == model::GuestKind::kvm ? kOnKvm : kOnXen;
    return (row_of(kind).guests & guest) != 0;
}

bool fits(FaultKind kind, const LifePlan& plan) {
    return on_this_guest(kind, plan) && (!plan.devices.empty() || !speaks_of(kind, "{dev ")) &&
           (kind != FaultKind::vcpu_not_parked || plan.vcpus > 1) &&
           (kind != FaultKind::interface_removed || plan.network) &&
           (kind != FaultKind::memory_wanted || plan.balloon) &&
           (kind != FaultKind::vcpus_wanted || plan.spare_vcpus != 0);
}

std::string words_for(const std::string& place, const PlannedFault& fault, const LifePlan& plan) {
    const uint32_t number = place.back() == 'a' ? fault.a : place.back() == 'b' ? fault.b : fault.c;
    if (place.rfind("dev", 0) == 0) {
        return plan.devices[number % plan.devices.size()].name;
    }
    if (place.rfind("phase", 0) == 0) {
        return name_of(static_cast<Phase>(number));
    }
    if (place.rfind("want", 0) == 0) {
        return name_of(static_cast<KvmWant>(number % kKvmWantCount));
    }
    if (place.rfind("call", 0) == 0) {
        return calls_back()[number % calls_back().size()].name;
    }
    if (place.rfind("request", 0) == 0) {
        return store_requests()[number % store_requests().size()].name;
    }
    return std::to_string(number);
}

}  // namespace

const FaultRow& row_of(FaultKind kind) {
    return kRows[static_cast<uint8_t>(kind)];
}

std::optional<FaultKind> fault_named(const std::string& name) {
    for (const FaultRow& row : kRows) {
        if (name == row.name) {
            return row.kind;
        }
    }
    return std::nullopt;
}

bool speaks_of(FaultKind kind, const char* what) {
    return std::strstr(row_of(kind).story, what) != nullptr;
}

bool has_children(const LifePlan& plan, uint32_t device) {
    return std::any_of(plan.devices.begin(), plan.devices.end(), [&](const OwnDevice& other) {
        return other.parent == plan.devices[device].name;
    });
}

std::string story_of(const PlannedFault& fault, const LifePlan& plan) {
    std::string text;
    const std::string story = row_of(fault.kind).story;
    for (size_t at = 0; at < story.size();) {
        const size_t open = story.find('{', at);
        text += story.substr(at, open - at);
        if (open == std::string::npos) {
            break;
        }
        const size_t close = story.find('}', open);
        text += words_for(story.substr(open + 1, close - open - 1), fault, plan);
        at = close + 1;
    }
    return text;
}

bool in_bounds(const PlannedFault& fault, const LifePlan& plan) {
    const auto within = [&fault](const char* what, uint32_t value, size_t end) {
        return !speaks_of(fault.kind, what) || value < end;
    };
    constexpr uint32_t kMost = 1'000'000;
    return on_this_guest(fault.kind, plan) && fault.a < kMost && fault.b < kMost &&
           fault.c < kMost && within("{dev a}", fault.a, plan.devices.size()) &&
           within("{dev c}", fault.c, plan.devices.size()) &&
           (fault.kind != FaultKind::device_removed || !has_children(plan, fault.c)) &&
           within("task {a}", fault.a, kTaskCount) && within("{phase b}", fault.b, kPhaseCount) &&
           within("{want a}", fault.a, kKvmWantCount) &&
           (!speaks_of(fault.kind, "{want a}") || is_hosts(static_cast<KvmWant>(fault.a))) &&
           within("{call a}", fault.a, calls_back().size()) &&
           within("{request a}", fault.a, store_requests().size());
}

uint8_t effects_of(const PlannedCycle& cycle) {
    uint8_t effects = kHarmless;
    for (const PlannedFault& fault : cycle.faults) {
        effects = static_cast<uint8_t>(effects | row_of(fault.kind).effects);
    }
    return effects;
}

std::optional<PlannedFault> draw_fault(Dice& dice, const LifePlan& plan, uint64_t enabled) {
    uint32_t all = 0;
    for (const FaultRow& row : kRows) {
        if ((enabled >> static_cast<uint8_t>(row.kind) & 1) != 0 && fits(row.kind, plan)) {
            all += row.weight;
        }
    }
    if (all == 0) {
        return std::nullopt;
    }
    uint32_t ticket = dice.below(all);
    for (const FaultRow& row : kRows) {
        if ((enabled >> static_cast<uint8_t>(row.kind) & 1) == 0 || !fits(row.kind, plan)) {
            continue;
        }
        if (ticket < row.weight) {
            PlannedFault fault{.kind = row.kind};
            row.draw(dice, plan, fault);
            return fault;
        }
        ticket -= row.weight;
    }
    return std::nullopt;
}

const std::vector<NamedCall>& calls_back() {
    static const std::vector<NamedCall> calls{
        {__HYPERVISOR_memory_op, XENMEM_add_to_physmap, "memory_op.add_to_physmap"},
        {__HYPERVISOR_hvm_op, HVMOP_set_param, "hvm_op.set_param"},
        {__HYPERVISOR_hvm_op, HVMOP_get_param, "hvm_op.get_param"},
        {__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, "vcpu_op.register_vcpu_info"},
        {__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, "vcpu_op.set_singleshot_timer"},
        {__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, "event_channel_op.bind_virq"},
        {__HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, "event_channel_op.bind_ipi"},
        {__HYPERVISOR_event_channel_op, EVTCHNOP_send, "event_channel_op.send"},
        {__HYPERVISOR_grant_table_op, GNTTABOP_query_size, "grant_table_op.query_size"},
        {__HYPERVISOR_xen_version, XENVER_version, "xen_version.version"},
        {__HYPERVISOR_event_channel_op, EVTCHNOP_unmask, "event_channel_op.unmask"},
    };
    return calls;
}

const std::vector<NamedCall>& store_requests() {
    static const std::vector<NamedCall> requests{
        {XS_TRANSACTION_START, 0, "TRANSACTION_START"},
        {XS_WRITE, 0, "WRITE"},
        {XS_TRANSACTION_END, 0, "TRANSACTION_END"},
        {XS_READ, 0, "READ"},
    };
    return requests;
}

const std::vector<Missing>& missing_faults() {
    static const std::vector<Missing> missing{
        {"poison", "the model's memory saver is not part of a guest's cycle"},
        {"lost-capability", "the modelled guest fills in no capability contract"},
        {"hypercall-swallowed", "a hypervisor that lies is the scenarios' and the mutants'"},
        {"backend-keeps with requests or frames under way",
         "it would write to pages of requests that the guest sends anew, and no guest can tell"},
        {"a slow network backend",
         "no row draws it yet; the oracle would give its link 100 ms to say where it is"},
    };
    return missing;
}

}  // namespace resume::stress
