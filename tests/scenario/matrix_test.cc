// Every kind of cycle on every kind of guest, by seed: clean, whatever the order.
#include <random>

#include "tests/scenario/scenario.h"

namespace resume::scenario {
namespace {

struct Shape {
    model::GuestKind kind;
    CallbackMode callback;
    uint32_t vcpus;
};

class MatrixTest : public ::testing::TestWithParam<Shape> {};

TEST_P(MatrixTest, ThirtyCyclesInRandomOrderAreClean) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
        ModelledGuestConfig config = with(Bug::none, GetParam().vcpus);
        config.machine.guest = GetParam().kind;
        config.machine.seed = seed;
        config.machine.hosts = {{},
                                {.uptime = 3 * model::kSecond, .tsc_start = 77},
                                {.tsc_hz = 3'100'000'000, .upcall_vector = true}};
        config.callback = GetParam().callback;
        config.policy = {.order = Policy::Order::by_seed, .seed = seed};
        auto guest = guest_up(config);
        guest->tasks().at(0).busy = true;
        std::mt19937_64 random{seed};
        for (int i = 0; i < 30 && guest->machine().alive(); ++i) {
            const auto act = static_cast<HostAct>(random() % 8);
            const Cycle cycle = guest->cycle(act);
            EXPECT_TRUE(cycle.alive()) << name_of(act) << ": " << cycle.run.reason;
            EXPECT_TRUE(cycle.result || act == HostAct::migrate_fails_early) << name_of(act);
        }
        if (guest->machine().alive()) {
            guest->run([&] { guest->tasks().at(0).stop(); });
        }
        EXPECT_EQ(complaints(*guest), "") << "seed " << seed;
        EXPECT_EQ(guest->worst_step_back(), 0U) << "seed " << seed;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Guests, MatrixTest,
    ::testing::Values(Shape{model::GuestKind::xen_pvh, CallbackMode::global_vector, 1},
                      Shape{model::GuestKind::xen_pvh, CallbackMode::vcpu_vector, 2},
                      Shape{model::GuestKind::xen_hvm, CallbackMode::global_vector, 2},
                      Shape{model::GuestKind::xen_hvm, CallbackMode::vcpu_vector, 4},
                      Shape{model::GuestKind::xen_hvm, CallbackMode::global_vector, 32}),
    [](const auto& info) {
        return std::string{info.param.kind == model::GuestKind::xen_hvm ? "hvm" : "pvh"} +
               (info.param.callback == CallbackMode::vcpu_vector ? "_vcpu_vector_" : "_global_") +
               std::to_string(info.param.vcpus);
    });

}  // namespace
}  // namespace resume::scenario
