// The machine, seen from a bare guest: boot, clocks, events, death.
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/model/bare_guest.h"

namespace resume::test {
namespace {

using model::GuestEnd;

constexpr Gfn kHole = 0xfe700;
constexpr uint64_t kVectorType = uint64_t{HVM_PARAM_CALLBACK_TYPE_VECTOR} << 56;

struct Ticking {
    Machine* machine;
    BareGuest* guest;
    int upcalls = 0;
    bool clear = true;
};

void on_upcall(Machine&, uint32_t cpu, void* argument) noexcept {
    auto& self = *static_cast<Ticking*>(argument);
    ++self.upcalls;
    if (self.clear) {
        self.guest->shared().vcpu_info[cpu].evtchn_upcall_pending = 0;
        self.guest->shared().vcpu_info[cpu].evtchn_pending_sel = 0;
        for (auto& word : self.guest->shared().evtchn_pending) {
            word = 0;
        }
    }
}

TEST(MachineTest, BootsAndTakesATimerTick) {
    Machine machine;
    BareGuest guest{machine};
    Ticking state{&machine, &guest};
    Port port = 0;
    const auto result = machine.boot([&](BootContext& boot) {
        write_msr(machine, 0x40000000, 0x1000);
        ASSERT_EQ(guest.map_shared_info(kHole), 0);
        const auto vector = allocate_irq_gate(machine, boot, on_upcall, &state);
        ASSERT_EQ(guest.set_param(HVM_PARAM_CALLBACK_IRQ, kVectorType | vector.value()), 0);
        ASSERT_EQ(guest.bind_virq(VIRQ_TIMER, 0, port), 0);
        EXPECT_EQ(port, 3U);
        const Nanoseconds now = guest.shared().vcpu_info[0].time.system_time;
        ASSERT_EQ(guest.arm(now + model::kSecond), 0);
        wait_for_interrupt(machine, guest.in(5 * model::kSecond));
    });
    EXPECT_EQ(result.end, GuestEnd::returned) << result.reason;
    EXPECT_EQ(state.upcalls, 1);
    EXPECT_GE(machine.clock.now(), model::kSecond);
    EXPECT_LT(machine.clock.now(), 2 * model::kSecond);
}

TEST(MachineTest, PvclockFollowsTheCounter) {
    Machine machine;
    BareGuest guest{machine};
    machine.run([&] {
        guest.map_shared_info(kHole);
        wait_for_interrupt(machine, guest.in(3 * model::kSecond));
        const vcpu_time_info& time = guest.shared().vcpu_info[0].time;
        EXPECT_EQ(time.version % 2, 0U);
        EXPECT_EQ(time.tsc_to_system_mul, 3734754170U);
        EXPECT_EQ(time.tsc_shift, -1);
        const uint64_t delta = (raw_counter(machine) - time.tsc_timestamp) >> 1;
        const uint64_t ns = time.system_time + (delta * time.tsc_to_system_mul >> 32);
        EXPECT_NEAR(static_cast<double>(ns), 1003e9, 1e6);
    });
}

TEST(MachineTest, AGuestThatNothingCanWakeIsHung) {
    Machine machine;
    const auto result = machine.run([&] { wait_for_interrupt(machine, ~Ticks{0}); });
    EXPECT_EQ(result.end, GuestEnd::hung);
    EXPECT_NE(result.reason.find("nothing can wake it"), std::string::npos);
    EXPECT_EQ(machine.run([] { FAIL() << "a dead guest ran"; }).end, GuestEnd::hung);
}

TEST(MachineTest, ASpinningGuestIsHung) {
    Machine machine;
    const auto result = machine.run([&] {
        for (;;) {
            raw_counter(machine);
        }
    });
    EXPECT_EQ(result.end, GuestEnd::hung);
}

TEST(MachineTest, AHandlerThatLeavesItsUpcallPendingIsHung) {
    Machine machine;
    BareGuest guest{machine};
    Ticking state{&machine, &guest};
    state.clear = false;
    const auto result = machine.boot([&](BootContext& boot) {
        guest.map_shared_info(kHole);
        const auto vector = allocate_irq_gate(machine, boot, on_upcall, &state);
        guest.set_param(HVM_PARAM_CALLBACK_IRQ, kVectorType | vector.value());
        Port port = 0;
        guest.bind_virq(VIRQ_TIMER, 0, port);
        guest.arm(0);
        wait_for_interrupt(machine, guest.in(model::kSecond));
    });
    EXPECT_EQ(result.end, GuestEnd::hung);
}

TEST(MachineTest, BootOnlyCodeIsGoneAfterBoot) {
    for (const bool gates : {true, false}) {
        model::MachineConfig config;
        config.exception_gates = gates;
        Machine machine{config};
        BootContext* kept = nullptr;
        machine.boot([&](BootContext& boot) { kept = &boot; });
        const auto result =
            machine.run([&] { (void)allocate_irq_gate(machine, *kept, on_upcall, nullptr); });
        EXPECT_EQ(result.end, gates ? GuestEnd::crashed : GuestEnd::rebooted);
        const TraceEvent& last = machine.trace.at(machine.trace.size() - 1);
        EXPECT_EQ(last.kind, EventKind::boot_code_entered);
        EXPECT_EQ(last.status, 1);
    }
}

TEST(MachineTest, TheSameSeedGivesTheSameTrace) {
    const auto run = [] {
        Machine machine;
        BareGuest guest{machine};
        machine.run([&] {
            guest.write("data/x", "1");
            guest.read("data/x");
        });
        std::vector<Ticks> ticks;
        for (uint32_t i = 0; i < machine.trace.size(); ++i) {
            ticks.push_back(machine.trace.at(i).ticks);
        }
        return ticks;
    };
    EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace resume::test
