// vCPUs that the toolstack adds and takes away (failure 43), around and in the middle of suspends;
// those that are offline when the guest comes back; and such for which Xen has no place of its own.
#include "tests/scenario/scenario.h"

namespace resume::scenario {
namespace {

constexpr HostAct kActs[] = {HostAct::checkpoint,        HostAct::slow,         HostAct::fast,
                             HostAct::in_place,          HostAct::save_restore, HostAct::migrate,
                             HostAct::migrate_fails_late};

ModelledGuestConfig with_spare(Bug bug, uint32_t all, uint32_t offline) {
    ModelledGuestConfig config = with(bug, all);
    config.machine.offline = offline;
    config.tick_ms = 50;
    return config;
}

void set_vcpus(ModelledGuest& guest, uint32_t count) {
    const model::HostSection host{guest.machine()};
    guest.machine().toolstack.set_vcpus(count);
}

/// So many are online, and each hears its own timer.
void expect_online(ModelledGuest& guest, uint32_t count) {
    ASSERT_EQ(guest.guest().engine().running(), false);
    guest.idle(model::kSecond);
    ASSERT_EQ(cpu_count(guest.machine()), count);
    std::vector<uint64_t> before;
    for (uint32_t cpu = 0; cpu < count; ++cpu) {
        before.push_back(guest.ticks_of(cpu));
    }
    guest.idle(model::kSecond);
    for (uint32_t cpu = 0; cpu < count; ++cpu) {
        EXPECT_GT(guest.ticks_of(cpu), before[cpu] + 5) << "vCPU " << cpu;
    }
    EXPECT_EQ(guest.vcpus().refusals(), 0U);
}

/// The toolstack wants another number while the guest goes down.
Cycle cycle_while(ModelledGuest& guest, HostAct act, uint32_t count) {
    guest.device("rtc").behaviour.meanwhile = [&](Phase phase) {
        if (phase == Phase::suspend) {
            set_vcpus(guest, count);
        }
    };
    const Cycle cycle = guest.cycle(act);
    guest.device("rtc").behaviour.meanwhile = nullptr;
    return cycle;
}

// 43: a vCPU is added while the guest is on its way down.
TEST(HotPlug, F43AVcpuIsStartedInTheMiddleOfASuspend) {
    auto guest = guest_up(with_spare(Bug::hotplug_in_cycle, 4, 2));
    cycle_while(*guest, HostAct::migrate, 4);
    expect_violation(*guest, "P10");
}

TEST(HotPlug, F43AVcpuThatComesOrGoesDuringASuspendDoesSoAfterIt) {
    auto guest = guest_up(with_spare(Bug::none, 4, 2));
    uint32_t count = 2;
    for (const HostAct act : kActs) {
        count = count == 4 ? 1 : count + 1;
        const Cycle cycle = cycle_while(*guest, act, count);
        ASSERT_TRUE(cycle.alive() && cycle.result) << name_of(act) << ": " << cycle.run.reason;
        EXPECT_EQ(cycle.result->errors_up, 0U) << name_of(act);
        expect_online(*guest, count);
    }
    expect_clean(*guest);
}

TEST(HotPlug, AVcpuThatIsOfflineInTheNewDomainIsSetUpWhenItComes) {
    for (const bool fifo : {false, true}) {
        ModelledGuestConfig config = with_spare(Bug::none, 3, 1);
        config.fifo = fifo;
        config.callback = fifo ? CallbackMode::vcpu_vector : CallbackMode::global_vector;
        auto guest = guest_up(config);
        for (const HostAct act : {HostAct::save_restore, HostAct::slow, HostAct::in_place}) {
            set_vcpus(*guest, 3);
            expect_online(*guest, 3);
            set_vcpus(*guest, 1);
            expect_online(*guest, 1);
            EXPECT_TRUE(guest->cycle(act).is(Outcome::resumed)) << name_of(act);
            set_vcpus(*guest, 3);
            expect_online(*guest, 3);
            EXPECT_TRUE(guest->cycle(act).is(Outcome::resumed)) << name_of(act);
            expect_online(*guest, 3);
        }
        expect_clean(*guest);
    }
}

// Its port is bound for another vCPU, and would count as one that stands in a queue already.
TEST(HotPlug, WhatAStoppedVcpuNeverHeardDoesNotDeafenAnother) {
    for (const bool fifo : {false, true}) {
        ModelledGuestConfig config = with_spare(Bug::none, 3, 1);
        config.fifo = fifo;
        auto guest = guest_up(config);
        guest->run([&guest] {
            guest->machine().vcpus.at(1).irqs_on = false;
            EXPECT_TRUE(guest->guest().send_ipi(1));
        });
        set_vcpus(*guest, 1);
        expect_online(*guest, 1);
        uint32_t heard = 0;
        Channel debug{
            .handler = [](void* self, uint32_t) noexcept { ++*static_cast<uint32_t*>(self); },
            .argument = &heard};
        EventChannels& events = guest->guest().events();
        guest->run([&] {
            EXPECT_TRUE(events.bind_virq(debug, VIRQ_DEBUG, 0).ok());
            guest->machine().channels.raise_virq(0, VIRQ_DEBUG);
        });
        guest->idle(model::kMillisecond);
        guest->run([&] { events.close(debug); });
        EXPECT_EQ(heard, 1U) << "fifo " << fifo;
        set_vcpus(*guest, 3);
        expect_online(*guest, 3);
        EXPECT_TRUE(guest->cycle(HostAct::migrate).is(Outcome::resumed));
        expect_clean(*guest);
    }
}

TEST(HotPlug, VcpusBeyond32ComeAndGoToo) {
    auto guest = guest_up(with_spare(Bug::none, 36, 5));
    expect_online(*guest, 31);
    set_vcpus(*guest, 36);
    expect_online(*guest, 36);
    EXPECT_TRUE(guest->cycle(HostAct::migrate).is(Outcome::resumed));
    expect_online(*guest, 36);
    set_vcpus(*guest, 30);
    expect_online(*guest, 30);
    EXPECT_TRUE(guest->cycle(HostAct::migrate).is(Outcome::resumed));
    set_vcpus(*guest, 34);
    expect_online(*guest, 34);
    expect_clean(*guest);
}

TEST(HotPlug, WhatAVcpuLostWhileItWasOfflineIsNotStolen) {
    auto guest = guest_up(with_spare(Bug::none, 2, 1));
    set_vcpus(*guest, 2);
    expect_online(*guest, 2);
    const Nanoseconds before = guest->guest().time().stolen(1);
    set_vcpus(*guest, 1);
    expect_online(*guest, 1);
    guest->machine().vcpus.add_steal(1, model::kSecond);
    set_vcpus(*guest, 2);
    expect_online(*guest, 2);
    EXPECT_EQ(guest->guest().time().stolen(1), before);
    EXPECT_TRUE(guest->cycle(HostAct::migrate).is(Outcome::resumed));
    EXPECT_LT(guest->guest().time().stolen(1) - before, model::kSecond);
    expect_clean(*guest);
}

TEST(HotPlug, AVcpuThatDoesNotStartIsTriedAgain) {
    auto guest = guest_up(with_spare(Bug::none, 2, 1));
    guest->machine().faults.add({.number = __HYPERVISOR_event_channel_op,
                                 .sub = EVTCHNOP_bind_virq,
                                 .times = 1,
                                 .error = 28});
    set_vcpus(*guest, 2);
    guest->idle(500 * model::kMillisecond);
    EXPECT_EQ(guest->vcpus().refusals(), 1U);
    EXPECT_EQ(cpu_count(guest->machine()), 1U);
    guest->idle(3 * model::kSecond);
    EXPECT_EQ(cpu_count(guest->machine()), 2U);
    EXPECT_TRUE(guest->cycle(HostAct::save_restore).is(Outcome::resumed));
    expect_clean(*guest);
}

}  // namespace
}  // namespace resume::scenario
