// RHEL 8.8 (kernel 4.18.0-466 and later): each resume of an HVM guest allocated its interrupt gate
// anew, by code that was freed after boot. A panic at every migration.
#include "tests/scenario/scenario.h"

namespace resume::scenario {
namespace {

ModelledGuestConfig hvm(Bug bug) {
    ModelledGuestConfig config = with(bug);
    config.machine.guest = model::GuestKind::xen_hvm;
    return config;
}

TEST(Rhel88, F1TheGateIsAllocatedAtResumeByCodeThatIsGone) {
    auto guest = guest_up(hvm(Bug::gate_at_resume));
    EXPECT_TRUE(guest->cycle(HostAct::checkpoint).is(Outcome::cancelled))
        << "a cancelled suspend does not come near it";
    const Cycle cycle = guest->cycle(HostAct::migrate);
    EXPECT_EQ(cycle.run.end, GuestEnd::crashed);
    EXPECT_NE(cycle.run.reason.find("allocate_irq_gate"), std::string::npos);
    EXPECT_TRUE(cycle.errand->succeeded) << "the toolstack does not notice";
    expect_violation(*guest, "L10");
}

TEST(Rhel88, F1WithoutExceptionGatesItIsASilentReboot) {
    ModelledGuestConfig config = hvm(Bug::gate_at_resume);
    config.machine.exception_gates = false;
    auto guest = guest_up(config);
    const Cycle cycle = guest->cycle(HostAct::migrate);
    EXPECT_EQ(cycle.run.end, GuestEnd::rebooted) << "told apart from a crash";
    expect_violation(*guest, "L10");
}

TEST(Rhel88, F1OnlyTheCallbackIsSetAnewAtResume) {
    for (const CallbackMode mode : {CallbackMode::global_vector, CallbackMode::vcpu_vector}) {
        ModelledGuestConfig config = hvm(Bug::none);
        config.callback = mode;
        config.machine.vcpus = 2;
        auto guest = guest_up(config);
        for (int i = 0; i < 3; ++i) {
            EXPECT_TRUE(guest->cycle(HostAct::migrate).is(Outcome::resumed));
        }
        EXPECT_NE(guest->machine().ports.unplugged(), 0) << "the new device model is told again";
        expect_clean(*guest);
    }
}

}  // namespace
}  // namespace resume::scenario
