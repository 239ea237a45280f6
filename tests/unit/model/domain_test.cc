// What a guest finds after each way of coming back: the table of what survives, row by row.
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/model/bare_guest.h"

namespace resume::test {
namespace {

using model::HostAct;

constexpr Gfn kHole = 0xfe700;

struct alignas(4096) Page {
    unsigned char bytes[4096];
};

void quiet(Machine& machine, uint32_t cpu, void*) noexcept {
    machine.vcpus.info(cpu)[0] = std::byte{0};
}

/// A guest that is up, with everything registered once.
class DomainTest : public ::testing::Test {
  protected:
    void up() {
        write_msr(machine, 0x40000000, 0x1000);
        guest.map_shared_info(kHole);
        const uint8_t vector = machine.vcpus.allocate_gate(quiet, nullptr).value();
        guest.set_param(HVM_PARAM_CALLBACK_IRQ, uint64_t{2} << 56 | vector);
        EXPECT_EQ(guest.register_vcpu_info(0, areas.bytes), 0);
        EXPECT_EQ(guest.bind_virq(VIRQ_TIMER, 0, timer_port), 0);
        guest.write("control/feature-suspend", "1");
        guest.write("data/x", "1");
        guest.watch("control/shutdown", "t");
    }
    /// Asked, acked and down; returns what the hypercall returned.
    long suspend(HostAct act) {
        machine.toolstack.start(act);
        while (guest.read("control/shutdown") != "suspend") {
        }
        guest.write("control/shutdown", "");
        return guest.shutdown(SHUTDOWN_suspend);
    }
    void run(const std::function<void()>& code) {
        const auto result = machine.run(code);
        EXPECT_EQ(result.end, model::GuestEnd::returned) << result.reason;
    }
    CpuidLeaf leaf(uint32_t number) { return read_cpuid(machine, 0x40000000 + number, 0); }
    bool shared_info_is_hole() {
        const auto* bytes = static_cast<unsigned char*>(frame_address(machine, kHole));
        return bytes[0] == 0xff && bytes[4095] == 0xff;
    }

    static model::MachineConfig two_hosts() {
        model::MachineConfig config;
        config.vcpus = 2;
        config.hosts = {{}, {.uptime = 5 * model::kSecond, .callback_vector = true}};
        return config;
    }

    Machine machine{two_hosts()};
    BareGuest guest{machine};
    Page areas{};
    Port timer_port = 0;
};

TEST_F(DomainTest, ACheckpointLosesNothing) {
    run([&] {
        up();
        const Port before = timer_port;
        EXPECT_EQ(suspend(HostAct::checkpoint), 1);
        EXPECT_FALSE(shared_info_is_hole());
        EXPECT_EQ(leaf(3).edx, 1U);
        EXPECT_EQ(leaf(4).ecx, 7U);
        EXPECT_EQ(guest.bind_virq(VIRQ_TIMER, 0, timer_port), -EEXIST);
        EXPECT_EQ(guest.register_vcpu_info(0, areas.bytes), -EINVAL);
        EXPECT_EQ(guest.watch("control/shutdown", "t"), "EEXIST");
        EXPECT_EQ(guest.read("data/x"), "1");
        EXPECT_EQ(before, 3U);
    });
    ASSERT_EQ(machine.toolstack.errands().size(), 1U);
    EXPECT_TRUE(machine.toolstack.errands()[0].succeeded);
}

TEST_F(DomainTest, TheCounterKeepsStepWithTimeInTheSameDomain) {
    run([&] {
        up();
        for (const HostAct act : {HostAct::checkpoint, HostAct::slow, HostAct::in_place}) {
            const Nanoseconds time = machine.clock.now();
            const Ticks ticks = raw_counter(machine);
            machine.toolstack.start(act);
            while (guest.read("control/shutdown") != "suspend") {
            }
            guest.write("control/shutdown", "");
            guest.shutdown(SHUTDOWN_suspend);
            const double passed = static_cast<double>(machine.clock.now() - time);
            const double counted = static_cast<double>(raw_counter(machine) - ticks) / 2.3;
            EXPECT_NEAR(counted, passed, 1e6) << name_of(act);
        }
    });
}

TEST_F(DomainTest, ARestoreForgetsRegistrations) {
    run([&] {
        up();
        const Ticks before = raw_counter(machine);
        EXPECT_EQ(suspend(HostAct::save_restore), 0);
        EXPECT_TRUE(shared_info_is_hole());
        static_cast<unsigned char*>(frame_address(machine, kHole))[7] = 1;
        EXPECT_TRUE(shared_info_is_hole());
        EXPECT_EQ(leaf(3).edx, 2U);
        EXPECT_EQ(leaf(4).ecx, 8U);
        EXPECT_EQ(guest.param(HVM_PARAM_CALLBACK_IRQ), 0U);
        EXPECT_EQ(guest.param(HVM_PARAM_STORE_PFN), model::kStoreGfn);
        EXPECT_EQ(guest.param(HVM_PARAM_STORE_EVTCHN), 1U);
        const Ticks passed = raw_counter(machine) - before;
        EXPECT_GT(passed, 2 * counter_hz(machine)) << "while it was saved";
        EXPECT_LT(passed, 3 * counter_hz(machine)) << "the TSC stood still until the restore";
        EXPECT_EQ(guest.read("domid"), "8");
        EXPECT_EQ(guest.read("data/x"), "!ENOENT");
        EXPECT_EQ(guest.read("control/feature-suspend"), "");
        EXPECT_EQ(guest.watch("control/shutdown", "t"), "OK");
        EXPECT_EQ(guest.register_vcpu_info(0, areas.bytes), 0);
        EXPECT_EQ(guest.bind_virq(VIRQ_TIMER, 0, timer_port), 0);
    });
}

TEST_F(DomainTest, TheWallClockIsReadableOnlyAfterTheWidthIsLatched) {
    run([&] {
        up();
        const uint32_t before = guest.shared().wc_sec;
        EXPECT_NEAR(before, model::kWallStart - 1000, 1.0);
        suspend(HostAct::save_restore);
        guest.map_shared_info(kHole);
        EXPECT_EQ(guest.shared().wc_sec, 0U) << "still the 32-bit layout (failure 56)";
        write_msr(machine, 0x40000000, 0x1000);
        EXPECT_EQ(guest.shared().wc_sec, before);
    });
}

TEST_F(DomainTest, SystemTimeIsTheNewHosts) {
    run([&] {
        up();
        suspend(HostAct::migrate);
        write_msr(machine, 0x40000000, 0x1000);
        guest.map_shared_info(kHole);
        EXPECT_LT(guest.shared().vcpu_info[0].time.system_time, 100 * model::kSecond);
    });
}

TEST_F(DomainTest, ASlowResumeReturnsZeroInTheSameDomain) {
    run([&] {
        up();
        EXPECT_EQ(suspend(HostAct::slow), 0);
        EXPECT_FALSE(shared_info_is_hole());
        EXPECT_EQ(leaf(3).edx, 1U);
        EXPECT_EQ(guest.register_vcpu_info(0, areas.bytes), -EINVAL);
        EXPECT_EQ(guest.bind_virq(VIRQ_TIMER, 0, timer_port), -EEXIST);
        EXPECT_EQ(guest.watch("control/shutdown", "t"), "EEXIST");
    });
}

TEST_F(DomainTest, ASoftResetUnbindsInTheSameDomain) {
    run([&] {
        up();
        EXPECT_EQ(suspend(HostAct::in_place), 0);
        EXPECT_FALSE(shared_info_is_hole());
        EXPECT_EQ(guest.shared().vcpu_info[0].time.system_time, 0U) << "fresh memory, not mapped";
        EXPECT_EQ(leaf(3).edx, 1U);
        EXPECT_EQ(leaf(4).ecx, 7U);
        EXPECT_NE(guest.param(HVM_PARAM_CALLBACK_IRQ), 0U);
        EXPECT_EQ(guest.read("data/x"), "1");
        EXPECT_EQ(guest.register_vcpu_info(0, areas.bytes), 0);
        EXPECT_EQ(guest.bind_virq(VIRQ_TIMER, 0, timer_port), 0);
        EXPECT_EQ(guest.watch("control/shutdown", "t"), "OK");
    });
}

TEST_F(DomainTest, TheReturnCodeIsPokedOnlyWithACallback) {
    run([&] {
        up();
        guest.set_param(HVM_PARAM_CALLBACK_IRQ, 0);
        EXPECT_EQ(suspend(HostAct::checkpoint), 0);
        EXPECT_EQ(guest.bind_virq(VIRQ_TIMER, 0, timer_port), -EEXIST);
    });
}

TEST_F(DomainTest, TheReturnCodeGoesToVcpu0WhoeverCalled) {
    run([&] {
        up();
        machine.toolstack.start(HostAct::checkpoint);
        while (guest.read("control/shutdown") != "suspend") {
        }
        guest.write("control/shutdown", "");
        machine.vcpus.set_current(1);
        EXPECT_EQ(guest.shutdown(SHUTDOWN_suspend), 0) << "though it was cancelled";
        machine.vcpus.set_current(0);
    });
    EXPECT_TRUE(machine.domain.register_clobbered());
}

TEST_F(DomainTest, LibxlGivesUpAfterSixtySecondsWithoutAnAck) {
    run([&] {
        up();
        machine.toolstack.start(HostAct::checkpoint);
        wait_for_interrupt(machine, guest.in(100 * model::kSecond));
        while (machine.toolstack.busy()) {
            wait_for_interrupt(machine, guest.in(model::kSecond));
        }
        EXPECT_EQ(guest.read("control/shutdown"), "");
    });
    const model::Errand& errand = machine.toolstack.errands().at(0);
    EXPECT_FALSE(errand.succeeded);
    EXPECT_EQ(errand.message, "guest didn't acknowledge suspend, cancelling request");
}

TEST_F(DomainTest, LibxlGivesUpSixtySecondsAfterTheAck) {
    run([&] {
        up();
        machine.toolstack.start(HostAct::checkpoint);
        while (guest.read("control/shutdown") != "suspend") {
        }
        guest.write("control/shutdown", "");
        while (machine.toolstack.busy()) {
            wait_for_interrupt(machine, guest.in(10 * model::kSecond));
        }
    });
    EXPECT_EQ(machine.toolstack.errands().at(0).message, "guest did not suspend, timed out");
}

TEST_F(DomainTest, ADomainThatNobodyResumesIsLeftDown) {
    const auto result = machine.run([&] {
        up();
        guest.shutdown(SHUTDOWN_suspend);
    });
    EXPECT_EQ(result.end, model::GuestEnd::left_down);
}

TEST_F(DomainTest, SoIsOneWhoseTimerTicksOn) {
    const auto result = machine.run([&] {
        up();
        vcpu_set_periodic_timer timer{.period_ns = model::kSecond};
        EXPECT_EQ(xen::vcpu_op(machine, VCPUOP_set_periodic_timer, 0, timer), 0);
        guest.shutdown(SHUTDOWN_suspend);
    });
    EXPECT_EQ(result.end, model::GuestEnd::left_down);
}

TEST_F(DomainTest, AForgottenResumeInTheStoreCostsTheNextSave) {
    machine.toolstack.forgets_resume_domain = true;
    const auto result = machine.run([&] {
        up();
        EXPECT_EQ(suspend(HostAct::fast), 1);
        suspend(HostAct::checkpoint);
    });
    EXPECT_EQ(result.end, model::GuestEnd::left_down);
    EXPECT_EQ(machine.toolstack.errands().at(1).message, "guest did not suspend, timed out");
}

}  // namespace
}  // namespace resume::test
