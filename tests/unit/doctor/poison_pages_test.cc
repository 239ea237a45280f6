#include "agent/doctor/poison_pages.h"

#include <gtest/gtest.h>

#include "tests/unit/doctor/fixture_tree.h"

namespace resume::agent::doctor {
namespace {

constexpr uint64_t kPoison = uint64_t{1} << 19;

std::string flags(size_t pages, const std::vector<size_t>& poisoned) {
    std::vector<uint64_t> words(pages, 1);
    for (const size_t pfn : poisoned) {
        words[pfn] |= kPoison;
    }
    return {reinterpret_cast<const char*>(words.data()), words.size() * sizeof(uint64_t)};
}

TEST(PoisonPagesTest, AddressesComeFromTheFlagsOfAllPages) {
    FixtureTree tree;
    tree.file("/proc/meminfo", "MemTotal: 1 kB\nHardwareCorrupted:     8 kB\n");
    tree.file("/proc/kpageflags", flags(20000, {0x37c, 0x4000}));
    const PoisonedPages pages = scan_poisoned(tree.live());
    EXPECT_EQ(pages.corrupted_kib, 8U);
    EXPECT_EQ(pages.found, 2U);
    EXPECT_EQ(addresses_text(pages), "0x37c000, 0x4000000");
}

TEST(PoisonPagesTest, TheListIsBoundedAndTheCountIsNot) {
    FixtureTree tree;
    std::vector<size_t> all(3000);
    for (size_t i = 0; i < all.size(); ++i) {
        all[i] = i;
    }
    tree.file("/proc/kpageflags", flags(3000, all));
    const PoisonedPages pages = scan_poisoned(tree.live());
    EXPECT_EQ(pages.found, 3000U);
    EXPECT_EQ(pages.addresses.size(), kPoisonListMax);
}

TEST(PoisonPagesTest, UnreadableFlagsAreSaid) {
    FixtureTree tree;
    EXPECT_NE(scan_poisoned(tree.live()).error, "");
}

TEST(PoisonPagesTest, TheWatchLooksOnlyWhenTheCounterMoved) {
    FixtureTree tree;
    tree.file("/proc/meminfo", "HardwareCorrupted:     0 kB\n");
    PoisonWatch watch;
    EXPECT_FALSE(watch.look(tree.live())) << "flags are not even there";
    tree.file("/proc/meminfo", "HardwareCorrupted:     4 kB\n");
    tree.file("/proc/kpageflags", flags(64, {7}));
    const auto pages = watch.look(tree.live());
    ASSERT_TRUE(pages);
    EXPECT_EQ(pages->addresses, std::vector<uint64_t>{0x7000});
    EXPECT_FALSE(watch.look(tree.live()));
    EXPECT_EQ(watch.now(tree.live()).addresses, pages->addresses);
}

TEST(PoisonPagesTest, WhatIsKnownNowIsStillNewsForTheNextLook) {
    FixtureTree tree;
    PoisonWatch watch;
    tree.file("/proc/meminfo", "HardwareCorrupted:     4 kB\n");
    tree.file("/proc/kpageflags", flags(64, {7}));
    EXPECT_EQ(watch.now(tree.live()).found, 1U);
    EXPECT_TRUE(watch.look(tree.live()));
    EXPECT_FALSE(watch.look(tree.live()));
}

TEST(PoisonPagesTest, WhatTheKernelSaidCountsWhereFlagsCannotBeRead) {
    FixtureTree tree;
    PoisonWatch watch;
    watch.hear(0x7000);
    watch.hear(0x9000);
    watch.hear(0x7000);
    tree.file("/proc/meminfo", "HardwareCorrupted:     8 kB\n");
    const auto pages = watch.look(tree.live());
    ASSERT_TRUE(pages);
    EXPECT_EQ(pages->error, "");
    EXPECT_EQ(addresses_text(*pages), "0x7000, 0x9000");
    tree.file("/proc/kpageflags", flags(64, {7, 8, 9}));
    tree.file("/proc/meminfo", "HardwareCorrupted:     12 kB\n");
    EXPECT_EQ(watch.look(tree.live())->found, 3U) << "the flags know better";
}

TEST(PoisonPagesTest, AKernelWithoutTheLineHasNoCounter) {
    FixtureTree tree;
    tree.file("/proc/meminfo", "MemTotal: 1 kB\n");
    EXPECT_FALSE(corrupted_kib(tree.live()));
}

}  // namespace
}  // namespace resume::agent::doctor
