// The whole matrix of source, target and waiver for state that a side may not be able to restore.
#include "drivers/model/migration_stream.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace resume::model {
namespace {

// What the source's guest uses; what the target's platform can restore.
struct Cpu {
    bool uses_smi = false;
    bool uses_amx = false;
    bool has_smi = true;
    bool has_amx = true;
};

const Cpu& cpu(const void* state) {
    return *static_cast<const Cpu*>(state);
}

constexpr Capability kSmi{"cpu.smi_count",
                          [](const void* state) noexcept { return cpu(state).uses_smi; },
                          [](const void* state) noexcept { return cpu(state).has_smi; }};
constexpr Capability kAmx{"cpu.amx_state",
                          [](const void* state) noexcept { return cpu(state).uses_amx; },
                          [](const void* state) noexcept { return cpu(state).has_amx; }};
constexpr Capability kNewDriver[] = {kSmi, kAmx};
constexpr Capability kOldDriver[] = {kSmi};

struct Case {
    bool uses_smi, uses_amx;            // the source's guest
    bool new_driver, has_smi, has_amx;  // the target
    std::vector<const char*> waived;
};

std::vector<Case> matrix() {
    std::vector<Case> cases;
    const std::vector<std::vector<const char*>> waivers{
        {}, {"cpu.smi_count"}, {"cpu.amx_state"}, {"cpu.smi_count", "cpu.amx_state"}, {"cpu.*"}};
    for (unsigned bits = 0; bits < 32; ++bits) {
        for (const auto& waived : waivers) {
            cases.push_back({(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
                             (bits & 16) != 0, waived});
        }
    }
    return cases;
}

LoadOutcome run(const Case& row, StreamBugs bugs) {
    const Cpu source{row.uses_smi, row.uses_amx};
    const Cpu target{false, false, row.has_smi, row.has_amx};
    const Contract whole{kNewDriver, 2};
    const Contract old{kOldDriver, 1};
    std::string error;
    const auto bytes = save_stream({{"cpu0", whole, &source}}, error);
    EXPECT_EQ(error, "");
    const Waivers waivers{row.waived.data(), static_cast<uint32_t>(row.waived.size())};
    return load_stream(bytes, {{"cpu0", row.new_driver ? whole : old, &target}}, waivers, bugs);
}

bool waived(const Case& row, const std::string& item) {
    return std::find(row.waived.begin(), row.waived.end(), item) != row.waived.end();
}

// The rule in its own words: a used item that cannot be restored fails, unless this very item is
// waived.
bool must_fail(const Case& row) {
    const bool smi_lost = row.uses_smi && !row.has_smi;
    const bool amx_lost = row.uses_amx && !(row.new_driver && row.has_amx);
    return (smi_lost && !waived(row, "cpu.smi_count")) ||
           (amx_lost && !waived(row, "cpu.amx_state"));
}

TEST(MigrationStreamTest, WithTheBugLostStateGoesWithoutAWord) {
    size_t silent = 0;
    for (const Case& row : matrix()) {
        const LoadOutcome outcome = run(row, {.drop_silently = true});
        EXPECT_TRUE(outcome.ok()) << "the report: it succeeds though it should have failed";
        silent += must_fail(row) ? 1 : 0;
    }
    EXPECT_GT(silent, 20U);
}

TEST(MigrationStreamTest, TheWholeMatrixOfSourceTargetAndWaiver) {
    ASSERT_EQ(matrix().size(), 160U);
    for (const Case& row : matrix()) {
        const LoadOutcome outcome = run(row, {});
        ASSERT_EQ(!outcome.ok(), must_fail(row)) << outcome.error;
        ASSERT_EQ(outcome.failed.empty(), outcome.ok());
        const size_t travelled =
            static_cast<size_t>(row.uses_smi) + static_cast<size_t>(row.uses_amx);
        ASSERT_EQ(outcome.lines.size(), travelled) << "nothing is dropped without a line";
        for (const StreamLine& line : outcome.lines) {
            if (line.fate == ItemFate::waived) {
                ASSERT_TRUE(waived(row, line.item));
            }
            if (line.fate == ItemFate::unknown_here) {
                ASSERT_FALSE(row.new_driver);
            }
        }
    }
}

TEST(MigrationStreamTest, TheErrorNamesDeviceItemAndCause) {
    EXPECT_EQ(run({true, false, true, false, true, {}}, {}).error,
              "device 'cpu0': item 'cpu.smi_count': this side's platform cannot restore it");
    EXPECT_EQ(run({false, true, false, true, true, {}}, {}).error,
              "device 'cpu0': item 'cpu.amx_state': this side's driver does not know it");
}

TEST(MigrationStreamTest, ARefusalFailsItsOwnDeviceOnly) {
    const Cpu uses{true, false};
    const Cpu able;
    const Cpu unable{false, false, false, true};
    const Contract whole{kNewDriver, 2};
    std::string error;
    const auto bytes = save_stream({{"cpu0", whole, &uses}, {"cpu1", whole, &uses}}, error);
    const LoadOutcome outcome =
        load_stream(bytes, {{"cpu0", whole, &unable}, {"cpu1", whole, &able}}, {});
    EXPECT_EQ(outcome.failed, std::vector<std::string>{"cpu0"});
    ASSERT_EQ(outcome.lines.size(), 2U);
    EXPECT_EQ(outcome.lines[1].fate, ItemFate::restored);
}

TEST(MigrationStreamTest, ADeviceThatIsNotHereIsRefused) {
    const Cpu uses{true, false};
    std::string error;
    const auto bytes = save_stream({{"cpu0", {kNewDriver, 2}, &uses}}, error);
    EXPECT_EQ(load_stream(bytes, {}, {}).failed, std::vector<std::string>{"cpu0"});
}

TEST(MigrationStreamTest, AStreamThatIsCutIsMalformed) {
    const Cpu uses{true, true};
    std::string error;
    const auto bytes = save_stream({{"cpu0", {kNewDriver, 2}, &uses}}, error);
    for (size_t cut = 1; cut < bytes.size(); ++cut) {
        const auto outcome = load_stream({bytes.begin(), bytes.begin() + static_cast<long>(cut)},
                                         {{"cpu0", {kNewDriver, 2}, &uses}}, {});
        EXPECT_NE(outcome.error.find("malformed stream"), std::string::npos) << cut;
    }
}

TEST(MigrationStreamTest, AContractThatBreaksItsBoundsIsNotSaved) {
    std::vector<std::string> names;
    std::vector<Capability> rows;
    for (int i = 0; i < 33; ++i) {
        names.push_back("item" + std::to_string(i));
    }
    for (const std::string& name : names) {
        rows.push_back({name.c_str(), nullptr, nullptr});
    }
    std::string error;
    EXPECT_TRUE(save_stream({{"big", {rows.data(), 33}, nullptr}}, error).empty());
    EXPECT_EQ(error, "device 'big': its contract: no_space");
}

}  // namespace
}  // namespace resume::model
