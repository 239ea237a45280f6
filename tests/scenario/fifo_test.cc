// Event channels in the FIFO ABI: failure 60, and hosts that do not have it.
#include "tests/scenario/scenario.h"

namespace resume::scenario {
namespace {

constexpr HostAct kActs[] = {HostAct::checkpoint,        HostAct::slow,         HostAct::fast,
                             HostAct::in_place,          HostAct::save_restore, HostAct::migrate,
                             HostAct::migrate_fails_late};

ModelledGuestConfig with_fifo(Bug bug, uint32_t vcpus = 2) {
    ModelledGuestConfig config = with(bug, vcpus);
    config.fifo = true;
    return config;
}

/// Each vCPU's own timer ticks on: what it hears comes by its own queue.
bool all_tick(ModelledGuest& guest) {
    std::vector<uint64_t> before;
    const uint32_t vcpus = cpu_count(guest.machine());
    for (uint32_t cpu = 0; cpu < vcpus; ++cpu) {
        before.push_back(guest.ticks_of(cpu));
    }
    guest.idle(model::kSecond);
    bool all = guest.machine().alive();
    for (uint32_t cpu = 0; cpu < vcpus; ++cpu) {
        all = all && guest.ticks_of(cpu) > before[cpu] + 10;
    }
    return all;
}

// 60: a new domain begins in the 2-level ABI, and the guest goes on looking into its queues.
TEST(FifoEvents, F60TheQueuesAreTakenForOnesThatSurvive) {
    auto guest = guest_up(with_fifo(Bug::fifo_kept));
    ASSERT_TRUE(all_tick(*guest));
    const Cycle cycle = guest->cycle(HostAct::migrate);
    EXPECT_TRUE(!cycle.alive() || !all_tick(*guest));
}

TEST(FifoEvents, F60TheyAreTakenUpAnewInANewDomainAndOnlyThere) {
    auto guest = guest_up(with_fifo(Bug::none));
    for (const HostAct act : kActs) {
        const Cycle cycle = guest->cycle(act);
        ASSERT_TRUE(cycle.alive() && cycle.result) << name_of(act) << ": " << cycle.run.reason;
        EXPECT_EQ(cycle.result->errors_up, 0U) << name_of(act);
        EXPECT_TRUE(guest->guest().events().fifo()) << name_of(act);
        EXPECT_TRUE(guest->machine().channels.fifo()) << name_of(act);
        EXPECT_TRUE(all_tick(*guest)) << name_of(act);
    }
    expect_clean(*guest);
}

TEST(FifoEvents, MoreVcpusThanOnePageOfBlocks) {
    ModelledGuestConfig config = with_fifo(Bug::none, 34);
    config.tick_ms = 50;
    auto guest = guest_up(config);
    for (const HostAct act : {HostAct::migrate, HostAct::slow, HostAct::in_place}) {
        ASSERT_TRUE(guest->cycle(act).is(Outcome::resumed)) << name_of(act);
        EXPECT_TRUE(all_tick(*guest)) << name_of(act);
    }
    expect_clean(*guest);
}

TEST(FifoEvents, AHostWithoutThemIsLivedOnAndLeftAgain) {
    ModelledGuestConfig config = with_fifo(Bug::none);
    config.machine.hosts = {{}, {.fifo = false}};
    auto guest = guest_up(config);
    for (int round = 0; round < 4; ++round) {
        const bool fifo = round % 2 == 1;
        const Cycle cycle = guest->cycle(HostAct::migrate);
        ASSERT_TRUE(cycle.is(Outcome::resumed)) << cycle.run.reason;
        EXPECT_EQ(cycle.result->errors_up, 0U);
        EXPECT_EQ(guest->guest().events().fifo(), fifo);
        EXPECT_TRUE(guest->cycle(HostAct::slow).is(Outcome::resumed));
        EXPECT_TRUE(all_tick(*guest));
    }
    expect_clean(*guest);
}

TEST(FifoEvents, AGuestBornOnAHostWithoutThemTakesThemUpElsewhere) {
    ModelledGuestConfig config = with_fifo(Bug::none);
    config.machine.hosts = {{.fifo = false}, {}};
    auto guest = guest_up(config);
    EXPECT_FALSE(guest->guest().events().fifo());
    EXPECT_TRUE(guest->cycle(HostAct::migrate).is(Outcome::resumed));
    EXPECT_TRUE(guest->guest().events().fifo());
    EXPECT_TRUE(all_tick(*guest));
    expect_clean(*guest);
}

// A host that gives the first block and not the others' is no host without the ABI.
TEST(FifoEvents, ABlockThatIsRefusedIsSaid) {
    auto guest = guest_up(with_fifo(Bug::none));
    guest->machine().faults.add({.number = __HYPERVISOR_event_channel_op,
                                 .sub = EVTCHNOP_init_control,
                                 .skip = 1,
                                 .error = 22});
    const Cycle cycle = guest->cycle(HostAct::migrate);
    EXPECT_TRUE(!cycle.alive() || cycle.result->errors_up > 0);
}

}  // namespace
}  // namespace resume::scenario
