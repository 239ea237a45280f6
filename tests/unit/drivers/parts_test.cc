// Drivers by themselves: encodings, scales, refusals, and what a broken host gets.
#include <xen/features.h>

#include "drivers/timekeeping/pvclock.h"
#include "tests/conformance/model_guest.h"

namespace resume::test {
namespace {

using conformance::GuestOptions;
using conformance::ModelGuest;
using model::FaultSite;
using model::GuestEnd;
using model::HostAct;

TEST(PvclockTest, ScalesWithEitherShift) {
    vcpu_time_info time{};
    time.tsc_timestamp = 1'000;
    time.system_time = 500;
    time.tsc_to_system_mul = 1U << 31;
    time.tsc_shift = 1;
    EXPECT_EQ(pvclock_scale(time, 1'000), 500U);
    EXPECT_EQ(pvclock_scale(time, 1'100), 600U);
    time.tsc_shift = -1;
    EXPECT_EQ(pvclock_scale(time, 1'400), 600U);
    EXPECT_EQ(pvclock_scale(time, 900), 500U) << "a counter a little before the stamp is now";
    time.tsc_shift = 127;
    EXPECT_EQ(pvclock_scale(time, 2'000), 500U) << "a shift that cannot be is no shift by it";
}

TEST(PvclockTest, StampBeforeTheCountersZero) {
    // A young domain's page on Xen 4.17: the stamp has wrapped, the clock must move all the same.
    vcpu_time_info time{};
    time.tsc_timestamp = uint64_t{0} - 637'774'748;
    time.system_time = 192'435'652'662;
    time.tsc_to_system_mul = 3'308'719'173;
    time.tsc_shift = -1;
    EXPECT_EQ(pvclock_scale(time, time.tsc_timestamp), time.system_time);
    EXPECT_EQ(pvclock_scale(time, 502'734'134), 192'874'960'268U);
    EXPECT_LT(pvclock_scale(time, 502'734'134), pvclock_scale(time, 787'104'144));
}

TEST(PvclockTest, APageThatIsNotMappedNeverSettles) {
    vcpu_time_info hole{};
    __builtin_memset(&hole, 0xff, sizeof(hole));
    EXPECT_EQ(pvclock_snapshot(hole, 1'000).error().code, Errc::timed_out);
}

TEST(CallbackTest, EncodesEachType) {
    using enum CallbackMode;
    EXPECT_EQ(callback_via({.mode = global_vector}, 0x40), uint64_t{2} << 56 | 0x40);
    EXPECT_EQ(callback_via({.mode = vcpu_vector}, 0x40), 1U);
    EXPECT_EQ(callback_via({.mode = gsi, .gsi = 28}, 0), 28U);
    EXPECT_EQ(callback_via({.mode = pci_intx, .pci_device = 3, .pci_pin = 1}, 0),
              uint64_t{1} << 56 | 3U << 11 | 1U);
    EXPECT_EQ(callback_via({.mode = none}, 0x40), 0U);
}

TEST(CallbackTest, FallsBackWhereXenHasNoVectorPerVcpu) {
    GuestOptions options;
    options.machine.hosts.front().upcall_vector = false;
    options.guest.callback.mode = CallbackMode::vcpu_vector;
    ModelGuest guest{options};
    ASSERT_EQ(guest.boot().end, GuestEnd::returned);
    EXPECT_EQ(guest.guest.callback().mode(), CallbackMode::global_vector);
    EXPECT_TRUE(guest.cycle(HostAct::save_restore));
}

/// Boots the drivers alone and says how that went.
Result<> booted(const GuestOptions& options, const std::function<void(Machine&)>& prepare = {}) {
    ModelGuest guest{options};
    if (prepare) {
        prepare(guest.machine);
    }
    Result<> result{};
    guest.machine.boot([&](BootContext& boot) { result = guest.guest.boot(boot); });
    return result;
}

uint32_t grants_to_be_had(ModelGuest& guest) {
    uint32_t made = 0;
    while (guest.guest.grants().grant(0, 1, false).ok()) {
        ++made;
    }
    return made;
}

TEST(CallbackTest, AHostWithoutVectorsIsAnError) {
    GuestOptions options;
    options.machine.hosts.front().callback_vector = false;
    EXPECT_EQ(booted(options).error().code, Errc::unsupported);
}

TEST(GrantTableTest, AHostThatAllowsNoFrameIsAnError) {
    GuestOptions options;
    options.machine.hosts.front().grant_frames = 0;
    EXPECT_EQ(booted(options).error().code, Errc::no_space);
}

TEST(GrantTableTest, OldReferencesMeanNothingInAFreshDomain) {
    ModelGuest guest;
    ASSERT_EQ(guest.boot().end, GuestEnd::returned);
    uint32_t reference = 0;
    guest.run([&] { reference = guest.guest.grants().grant(0, 1, false).value(); });
    ASSERT_TRUE(guest.cycle(HostAct::slow));
    EXPECT_EQ(guest.guest.grants().in_use(), 1U);
    ASSERT_TRUE(guest.cycle(HostAct::save_restore));
    EXPECT_EQ(guest.guest.grants().in_use(), 0U);
    EXPECT_EQ(guest.guest.grants().generation(), 2U);
    guest.run([&] {
        EXPECT_EQ(guest.guest.grants().end(reference).error().code, Errc::gone);
        EXPECT_EQ(guest.guest.grants().end(0).error().code, Errc::invalid);
        EXPECT_EQ(guest.guest.grants().end(~0U).error().code, Errc::invalid);
        EXPECT_EQ(grants_to_be_had(guest), 2 * 512U - GrantTable::kReserved);
    });
}

TEST(GrantTableTest, AHostThatAllowsFewerFramesIsLivedWithUntilTheNext) {
    GuestOptions options;
    options.machine.hosts.resize(2);
    options.machine.hosts[1].grant_frames = 1;
    ModelGuest guest{options};
    ASSERT_EQ(guest.boot().end, GuestEnd::returned);
    for (const uint32_t frames : {2U, 1U, 2U}) {
        guest.run([&] {
            EXPECT_EQ(grants_to_be_had(guest), frames * 512U - GrantTable::kReserved);
            EXPECT_EQ(guest.guest.grants().in_use(), frames * 512U - GrantTable::kReserved);
        });
        ASSERT_TRUE(guest.cycle(HostAct::migrate));
        EXPECT_EQ(guest.guest.grants().in_use(), 0U);
    }
}

TEST(UnplugTest, ABlacklistedDriverUnplugsNothing) {
    GuestOptions options;
    options.machine = ModelGuest::machine_of(1, model::GuestKind::xen_hvm);
    options.guest.unplug = UnplugMask::nics;
    EXPECT_FALSE(booted(options, [](Machine& m) { m.ports.blacklist(true); }).ok());
    EXPECT_TRUE(booted(options).ok());
}

TEST(UnplugTest, APvhGuestHasNoSuchPort) {
    GuestOptions options;
    options.guest.unplug = UnplugMask::nics;
    EXPECT_EQ(booted(options).error().code, Errc::unsupported);
}

class PartsTest : public testing::Test {
  protected:
    void boot(uint32_t vcpus = 1) {
        GuestOptions options;
        options.machine = ModelGuest::machine_of(vcpus);
        guest = std::make_unique<ModelGuest>(options);
        ASSERT_EQ(guest->boot().end, GuestEnd::returned) << guest->last.reason;
    }
    std::unique_ptr<ModelGuest> guest;
};

TEST_F(PartsTest, NoAreaIsRegisteredTwiceInASlowResume) {
    boot(2);
    const size_t before = guest->count(EventKind::vcpu_info_set, Witness::other_side);
    ASSERT_TRUE(guest->cycle(HostAct::slow));
    EXPECT_EQ(guest->count(EventKind::vcpu_info_set, Witness::other_side), before);
    EXPECT_EQ(guest->complaints(), "");
}

TEST_F(PartsTest, AnAreaThatXenNoLongerWritesToIsFoundOut) {
    boot(2);
    // The hypervisor loses the area of vCPU 1 while everything else looks the same.
    guest->run([this] {
        guest->machine.toolstack.follow(HostAct::slow);
        guest->machine.vcpus.at(1).info = nullptr;
        const auto result = guest->guest.suspend();
        ASSERT_TRUE(result.ok());
        EXPECT_EQ(result.value().evidence, DomainEvidence::same);
        EXPECT_GE(result.value().errors_up, 1U);
    });
}

TEST_F(PartsTest, NotifyOnNothingIsCountedAndHarmless) {
    boot();
    guest->run([this] {
        EventChannels& events = guest->guest.events();
        Channel nobody;
        EXPECT_FALSE(events.notify(nobody));
        EXPECT_FALSE(events.notify_port(77));
        EXPECT_FALSE(events.notify_port(1'000'000));
        EXPECT_EQ(events.stale_count(), 3U);
        EXPECT_EQ(events.attach(nobody, 0).error().code, Errc::invalid);
        EXPECT_EQ(events.attach(nobody, EventChannels::kPorts).error().code, Errc::invalid);
        EXPECT_EQ(events.attach(nobody, guest->guest.console().port()).error().code, Errc::exists);
        events.detach(nobody);
    });
}

TEST_F(PartsTest, AnEventOnAPortThatNobodyHasIsMaskedAndCounted) {
    boot();
    guest->run([this] {
        shared_info& shared = guest->guest.shared_info().page();
        shared.evtchn_mask[1] = 0;
        shared.evtchn_pending[1] = 1;
        vcpu_info& vcpu = guest->guest.shared_info().vcpu(0);
        vcpu.evtchn_pending_sel = 2;
        vcpu.evtchn_upcall_pending = 1;
        wait_for_interrupt(guest->machine, raw_counter(guest->machine) + 1'000'000);
        EXPECT_EQ(guest->guest.events().stale_count(), 1U);
        EXPECT_EQ(shared.evtchn_pending[1], 0U);
        EXPECT_EQ(shared.evtchn_mask[1], 1U);
    });
}

TEST_F(PartsTest, ARefusedBindIsRecordedAndTheWayUpGoesOn) {
    boot(2);
    guest->machine.faults.add({.site = FaultSite::hypercall,
                               .number = __HYPERVISOR_event_channel_op,
                               .sub = EVTCHNOP_bind_virq,
                               .error = 28});
    const auto result = guest->cycle(HostAct::save_restore);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->outcome, Outcome::resumed);
    EXPECT_EQ(result->errors_up, 1U);
}

TEST_F(PartsTest, ARefusedRemapIsRecordedAndTheWayUpGoesOn) {
    boot();
    guest->machine.faults.add({.site = FaultSite::hypercall,
                               .number = __HYPERVISOR_memory_op,
                               .sub = XENMEM_add_to_physmap,
                               .error = 12});
    std::optional<CycleResult> result;
    guest->run([&] {
        guest->machine.toolstack.follow(HostAct::save_restore);
        const auto done = guest->guest.suspend();
        ASSERT_TRUE(done.ok());
        result = done.value();
    });
    if (guest->machine.alive()) {
        ASSERT_TRUE(result);
        EXPECT_GE(result->errors_up, 1U);
    }
}

TEST_F(PartsTest, TheClockGoesOnOverAMoveToAYoungHost) {
    GuestOptions options;
    model::HostConfig young;
    young.uptime = model::kSecond;
    options.machine.hosts = {model::HostConfig{}, young};
    ModelGuest moved{options};
    ASSERT_EQ(moved.boot().end, GuestEnd::returned);
    Nanoseconds before = 0;
    moved.run([&] { before = moved.guest.time().monotonic(); });
    ASSERT_TRUE(moved.cycle(HostAct::migrate));
    moved.run([&] {
        EXPECT_LT(moved.guest.time().system_time(), before);
        EXPECT_GT(moved.guest.time().monotonic(), before);
        EXPECT_LT(moved.guest.time().monotonic(), before + model::kSecond);
        EXPECT_GE(moved.guest.time().wall() / model::kSecond, model::kWallStart);
    });
    EXPECT_EQ(moved.complaints(), "");
}

TEST_F(PartsTest, StolenTimeGoesOnOverARestoreAndIsNotCountedTwice) {
    boot();
    guest->machine.vcpus.add_steal(0, 7 * model::kSecond);
    guest->idle(model::kMillisecond);
    EXPECT_EQ(guest->guest.time().stolen(0) / model::kSecond, 7U);
    for (const HostAct act : {HostAct::save_restore, HostAct::checkpoint, HostAct::slow,
                              HostAct::in_place, HostAct::migrate}) {
        ASSERT_TRUE(guest->cycle(act));
        guest->idle(model::kMillisecond);
        EXPECT_EQ(guest->guest.time().stolen(0) / model::kSecond, 7U) << name_of(act);
    }
    EXPECT_EQ(guest->complaints(), "");
}

TEST_F(PartsTest, AnArmedTimerFiresAfterARestoreOnEveryVcpu) {
    boot(3);
    guest->run([this] {
        on_each_cpu(
            guest->machine,
            [](Machine&, uint32_t, void* time) noexcept {
                (void)static_cast<Timekeeping*>(time)->arm_after(10 * model::kSecond);
            },
            &guest->guest.time());
    });
    ASSERT_TRUE(guest->cycle(HostAct::save_restore));
    guest->idle(15 * model::kSecond);
    for (uint32_t cpu = 0; cpu < 3; ++cpu) {
        EXPECT_EQ(guest->guest.timer().ticks(cpu), 1U) << cpu;
    }
    EXPECT_EQ(guest->complaints(), "");
}

}  // namespace
}  // namespace resume::test
