// The model against reality: for each kind of cycle, the order of hypercalls and store messages of
// the modelled guest equals that of the test kernel on real Xen (tests/kernel/recorded). What
// differs is listed here with its reason; anything else is a failure.
#include <fstream>

#include "libresume/oracle/text_reader.h"
#include "tests/scenario/boundary.h"
#include "tests/scenario/scenario.h"

namespace resume::scenario {
namespace {

struct Recorded {
    const char* kind;
    HostAct act;
    bool refused;
};

void PrintTo(const Recorded& recorded, std::ostream* out) {
    *out << recorded.kind;
}

/// What may differ, and why. ARCHITECTURE.md has the same list.
struct Known {
    const char* difference;
    const char* reason;
};
constexpr Known kKnown[] = {
    {"-store WATCH", "the kernel watches its lab's command node as well"},
    {"-event_channel_op.9",
     "the store's daemon answered while its channel was masked, so the kernel asks Xen to deliver "
     "it at once (EVTCHNOP_unmask); in the model the daemon was faster or slower"},
    {"+event_channel_op.9", "likewise, the other way round"},
    {"-vcpu_op.8", "the kernel arms its tick before it uses the store, the modelled guest after"},
};

bool is_known(const std::string& difference) {
    for (const Known& known : kKnown) {
        if (difference == known.difference) {
            return true;
        }
    }
    return false;
}

oracle::TraceView read_trace(const std::string& path) {
    std::ifstream file{path};
    EXPECT_TRUE(file.good()) << path;
    oracle::TextReader reader;
    std::string line;
    for (uint64_t number = 1; std::getline(file, line); ++number) {
        reader.line(line, number);
    }
    auto traces = reader.finish();
    EXPECT_EQ(traces.size(), 1U) << path;
    return traces.empty() ? oracle::TraceView{} : traces.front();
}

/// Differences that nobody has explained, one a line.
std::string unexplained(const std::vector<std::string>& reality,
                        const std::vector<std::string>& model) {
    std::string text;
    for (const std::string& difference : differences(reality, model)) {
        text += is_known(difference) ? "" : difference + "\n";
    }
    return text;
}

class RealityTest : public ::testing::TestWithParam<Recorded> {
  protected:
    void SetUp() override {
        reality = read_trace(std::string{RESUME_RECORDED} + "/" + GetParam().kind + ".trace");
        ModelledGuestConfig config = with(Bug::none, reality.vcpus);
        config.tick_ms = 600'000;
        guest = guest_up(config);
        guest->device("rtc").behaviour.refuse = GetParam().refused ? Errc::refused : Errc::none;
        guest->cycle(GetParam().act);
    }

    oracle::TraceView reality;
    std::unique_ptr<ModelledGuest> guest;
};

TEST_P(RealityTest, TheCycleCrossesTheBoundaryInTheSameOrder) {
    const auto recorded = boundary_of(reality, Part::cycle);
    EXPECT_EQ(unexplained(recorded, boundary_of(guest->view(), Part::cycle)), "");
    EXPECT_EQ(recorded.empty(), GetParam().refused) << "a refused cycle never gets that far";
}

TEST_P(RealityTest, BootCrossesTheBoundaryInTheSameOrder) {
    const auto recorded = boundary_of(reality, Part::boot);
    EXPECT_EQ(unexplained(recorded, boundary_of(guest->view(), Part::boot)), "");
    EXPECT_GT(recorded.size(), 10U);
}

INSTANTIATE_TEST_SUITE_P(Recorded, RealityTest,
                         ::testing::Values(Recorded{"fast", HostAct::fast, false},
                                           Recorded{"slow", HostAct::slow, false},
                                           Recorded{"inplace", HostAct::in_place, false},
                                           Recorded{"save-c", HostAct::checkpoint, false},
                                           Recorded{"restore", HostAct::save_restore, false},
                                           Recorded{"migrate", HostAct::migrate, false},
                                           Recorded{"late-fail", HostAct::migrate_fails_late,
                                                    false},
                                           Recorded{"refused", HostAct::checkpoint, true}),
                         [](const auto& info) {
                             std::string name = info.param.kind;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

}  // namespace
}  // namespace resume::scenario
