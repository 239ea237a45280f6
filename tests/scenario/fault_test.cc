// A hypercall that fails on the way back is never silent: whichever of them it is, the guest says
// so (an error on the way up, a panic) or its oracle does, and the next cycle still has its end.
#include <cerrno>
#include <map>
#include <utility>

#include "tests/scenario/scenario.h"

namespace resume::scenario {
namespace {

using Call = std::pair<uint32_t, uint32_t>;  // number, sub-operation

/// A guest that meets the fault.
[[gnu::noinline]] std::unique_ptr<ModelledGuest> faulty_guest(const model::Fault& fault,
                                                              uint32_t vcpus = 1) {
    auto guest = guest_up(with(Bug::none, vcpus));
    guest->machine().faults.add(fault);
    return guest;
}

/// The hypercalls that a restored guest makes after it came back, with how many of each.
std::map<Call, uint32_t> calls_after_the_restore() {
    auto guest = faulty_guest({.number = ~0U});
    guest->cycle(HostAct::save_restore);
    std::map<Call, uint32_t> calls;
    bool back = false;
    for (const TraceEvent& event : guest->view().events) {
        if (event.kind == EventKind::evidence && event.witness == Witness::other_side) {
            back = true;
        } else if (event.kind == EventKind::cycle_end) {
            break;
        } else if (back && event.kind == EventKind::hypercall) {
            ++calls[{event.arg32, static_cast<uint32_t>(event.arg64)}];
        }
    }
    return calls;
}

/// Kicks of a ring and looks at a version are repeated or have a fallback: nothing is lost.
bool harmless(const Call& call) {
    return call == Call{__HYPERVISOR_event_channel_op, EVTCHNOP_send} ||
           call == Call{__HYPERVISOR_event_channel_op, EVTCHNOP_unmask} ||
           call.first == __HYPERVISOR_grant_table_op || call.first == __HYPERVISOR_xen_version ||
           call == Call{__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer};
}

TEST(Fault, NoFailedHypercallOnTheWayBackIsSilent) {
    const auto calls = calls_after_the_restore();
    ASSERT_GT(calls.size(), 5U);
    for (const auto& [call, count] : calls) {
        if (harmless(call)) {
            continue;
        }
        SCOPED_TRACE("hypercall " + std::to_string(call.first) + "." + std::to_string(call.second));
        auto guest = faulty_guest({.site = model::FaultSite::hypercall,
                                   .number = call.first,
                                   .sub = call.second,
                                   .times = 1'000'000,
                                   .error = EIO});
        const Cycle cycle = guest->cycle(HostAct::save_restore);
        const bool said = !cycle.alive() || !cycle.result || cycle.result->errors_up > 0 ||
                          cycle.result->outcome == Outcome::aborted;
        EXPECT_TRUE(said || guest->verdict().violated()) << cycle.run.reason;
    }
}

// The same calls, answered with success and not carried out: what only the other side can see.
TEST(Fault, TheOracleSeesAHypercallThatOnlyPretendedToWork) {
    for (const Call& call : {Call{__HYPERVISOR_memory_op, XENMEM_add_to_physmap},
                             Call{__HYPERVISOR_hvm_op, HVMOP_set_param},
                             Call{__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info},
                             Call{__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq}}) {
        SCOPED_TRACE("hypercall " + std::to_string(call.first) + "." + std::to_string(call.second));
        auto guest = faulty_guest({.site = model::FaultSite::hypercall,
                                   .number = call.first,
                                   .sub = call.second,
                                   .times = 1'000'000,
                                   .swallow = true});
        const Cycle cycle = guest->cycle(HostAct::save_restore);
        const bool said = !cycle.alive() || !cycle.result || cycle.result->errors_up > 0;
        EXPECT_TRUE(said || guest->verdict().violated());
    }
}

// A vCPU that does not come when it is called: aborted, and nothing is left parked.
TEST(Fault, AVcpuThatCannotBeParkedAbortsTheCycle) {
    auto guest = faulty_guest({.site = model::FaultSite::park, .number = 2}, 3);
    const Cycle cycle = guest->cycle(HostAct::checkpoint);
    ASSERT_TRUE(cycle.is(Outcome::aborted)) << cycle.run.reason;
    EXPECT_EQ(cycle.result->stopped_at, Step::park_vcpus);
    EXPECT_TRUE(guest->cycle(HostAct::checkpoint).is(Outcome::cancelled));
    expect_clean(*guest);
}

// The store's daemon loses nerve: each request of the handshake fails once.
TEST(Fault, AStoreThatFailsOnceIsAskedAgain) {
    for (const uint32_t type : {XS_TRANSACTION_START, XS_READ, XS_WRITE, XS_TRANSACTION_END}) {
        SCOPED_TRACE("xs_wire type " + std::to_string(type));
        auto guest = faulty_guest(
            {.site = model::FaultSite::store_request, .number = type, .error = EAGAIN});
        const Cycle cycle = guest->cycle(HostAct::checkpoint);
        EXPECT_TRUE(cycle.is(Outcome::cancelled)) << cycle.run.reason;
        expect_clean(*guest);
    }
}

}  // namespace
}  // namespace resume::scenario
