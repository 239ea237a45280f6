// Whole cycles of the drivers on the model, in every outcome.
#include "tests/conformance/model_guest.h"

namespace resume::test {
using conformance::GuestOptions;
using conformance::ModelGuest;
namespace {

using model::HostAct;

struct Case {
    HostAct act;
    Outcome outcome;
    DomainEvidence evidence;
};

class CycleTest : public testing::TestWithParam<std::tuple<Case, uint32_t>> {};

constexpr Case kCases[] = {
    {HostAct::checkpoint, Outcome::cancelled, DomainEvidence::unknown},
    {HostAct::fast, Outcome::cancelled, DomainEvidence::unknown},
    {HostAct::migrate_fails_late, Outcome::cancelled, DomainEvidence::unknown},
    {HostAct::slow, Outcome::resumed, DomainEvidence::same},
    {HostAct::in_place, Outcome::resumed, DomainEvidence::fresh},
    {HostAct::save_restore, Outcome::resumed, DomainEvidence::fresh},
    {HostAct::migrate, Outcome::resumed, DomainEvidence::fresh},
};

TEST_P(CycleTest, GoesDownAndComesUpTwice) {
    const auto& [expected, vcpus] = GetParam();
    ModelGuest guest{{.machine = ModelGuest::machine_of(vcpus)}};
    ASSERT_EQ(guest.boot().end, model::GuestEnd::returned) << guest.last.reason;
    for (int round = 0; round < 3; ++round) {
        const auto result = guest.cycle(expected.act);
        ASSERT_EQ(guest.last.end, model::GuestEnd::returned) << guest.last.reason;
        ASSERT_TRUE(result);
        EXPECT_EQ(result->outcome, expected.outcome);
        EXPECT_EQ(result->evidence, expected.evidence);
        EXPECT_EQ(result->errors_up, 0U);
    }
    EXPECT_EQ(guest.complaints(), "");
}

class DeliveryTest : public testing::TestWithParam<CallbackMode> {};

// However events reach the guest, they do so again after each outcome; the line of a platform
// device has no vector and is set up by the same parameter (failure 59).
TEST_P(DeliveryTest, EventsArriveAfterEachOutcome) {
    GuestOptions options;
    options.machine = ModelGuest::machine_of(1, model::GuestKind::xen_hvm);
    options.machine.hosts.front().callback_vector = GetParam() != CallbackMode::pci_intx;
    options.guest.callback = {.mode = GetParam(), .gsi = 28, .pci_device = 3, .pci_pin = 0};
    options.guest.unplug = UnplugMask::ide_disks | UnplugMask::nics;
    ModelGuest guest{options};
    ASSERT_EQ(guest.boot().end, model::GuestEnd::returned) << guest.last.reason;
    for (const Case& expected : kCases) {
        const auto result = guest.cycle(expected.act);
        ASSERT_EQ(guest.last.end, model::GuestEnd::returned) << guest.last.reason;
        ASSERT_TRUE(result) << name_of(expected.act);
        EXPECT_EQ(result->outcome, expected.outcome);
        EXPECT_EQ(result->errors_up, 0U);
        EXPECT_TRUE(guest.guest.unplug().unplugged());
    }
    EXPECT_EQ(guest.complaints(), "");
}

INSTANTIATE_TEST_SUITE_P(Modes, DeliveryTest,
                         testing::Values(CallbackMode::global_vector, CallbackMode::vcpu_vector,
                                         CallbackMode::gsi, CallbackMode::pci_intx));

INSTANTIATE_TEST_SUITE_P(Acts, CycleTest,
                         testing::Combine(testing::ValuesIn(kCases), testing::Values(1U, 2U, 4U)),
                         [](const auto& info) {
                             std::string name = name_of(std::get<0>(info.param).act);
                             for (char& c : name) {
                                 c = c == '-' ? '_' : c;
                             }
                             return name + "_vcpus_" + std::to_string(std::get<1>(info.param));
                         });

}  // namespace
}  // namespace resume::test
