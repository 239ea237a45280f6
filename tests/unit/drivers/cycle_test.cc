// Whole cycles of the drivers on the model, in every outcome.
#include "tests/conformance/model_guest.h"

namespace resume::test {
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
