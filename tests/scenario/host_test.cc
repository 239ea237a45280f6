// Reports about what another host, or many vCPUs, make different: failures 12 and 22.
#include "tests/scenario/disk_guest.h"

namespace resume::scenario {
namespace {

constexpr uint32_t kMany = 40;  // Xen has a place of its own for the first 32 only

/// The last vCPU's timer, armed anew: true when it fires.
bool last_vcpu_ticks(ModelledGuest& guest) {
    const uint64_t before = guest.ticks_of(kMany - 1);
    guest.idle(100 * model::kMillisecond);
    return guest.ticks_of(kMany - 1) > before;
}

// 12: a guest of more than 32 vCPUs is lost after a migration: nobody tells Xen where to write for
// those beyond.
TEST(Host, F12VcpusBeyond32AreForgotten) {
    const auto guest = guest_up(with(Bug::vcpus_beyond_32, kMany));
    EXPECT_TRUE(last_vcpu_ticks(*guest));
    guest->cycle(HostAct::migrate);
    EXPECT_TRUE(!guest->machine().alive() || !last_vcpu_ticks(*guest));
    expect_violation(*guest, "L8");
}

TEST(Host, F12EachOfManyVcpusComesBack) {
    const auto guest = guest_up(with(Bug::none, kMany));
    for (const HostAct act : {HostAct::migrate, HostAct::checkpoint, HostAct::slow,
                              HostAct::in_place, HostAct::save_restore}) {
        const Cycle cycle = guest->cycle(act);
        ASSERT_TRUE(cycle.alive()) << name_of(act) << ": " << cycle.run.reason;
        ASSERT_TRUE(cycle.result) << name_of(act);
        EXPECT_EQ(cycle.result->errors_up, 0U) << name_of(act);
        EXPECT_TRUE(last_vcpu_ticks(*guest)) << name_of(act);
    }
    expect_clean(*guest);
}

ModelledGuestConfig towards_a_host_without_version(Bug bug) {
    ModelledGuestConfig config = with(bug);
    config.machine.hosts.resize(2);
    config.machine.hosts[1].grant_version_unset = true;
    return config;
}

// 22: the version of grants is taken for one that survives; the new domain has none.
TEST(Host, F22TheVersionOfGrantsIsTakenForGranted) {
    DiskGuest guest{towards_a_host_without_version(Bug::grant_version_kept)};
    guest.cycle(HostAct::migrate);
    EXPECT_FALSE(guest.disk.connected());
    expect_violation(guest.guest(), "L12");
}

TEST(Host, F22TheVersionOfGrantsIsAgreedInEachDomain) {
    DiskGuest guest{towards_a_host_without_version(Bug::none)};
    EXPECT_TRUE(guest.cycle(HostAct::migrate).is(Outcome::resumed));
    guest.expect_all_well();
}

}  // namespace
}  // namespace resume::scenario
