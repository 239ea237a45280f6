// The poison ledger: read, skip as zero, refuse.
#include "libresume/poison.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace resume {
namespace {

constexpr uint64_t kSmall = 4096;
constexpr uint64_t kLarge = 2 << 20;

struct Ledger {
    explicit Ledger(uint32_t capacity = 64) : storage(capacity), ledger{storage.data(), capacity} {}
    std::vector<PoisonedRange> storage;
    PoisonLedger ledger;
};

TEST(PoisonTest, HealthyMemoryIsRead) {
    Ledger made;
    EXPECT_EQ(made.ledger.decide(0, kLarge).access, PageAccess::read);
    ASSERT_TRUE(made.ledger.host_lost(kSmall * 5, kSmall).ok());
    EXPECT_EQ(made.ledger.decide(kSmall * 4, kSmall).access, PageAccess::read);
    EXPECT_EQ(made.ledger.decide(kSmall * 6, kSmall).access, PageAccess::read);
}

TEST(PoisonTest, APageThatOnlyTheHostKnowsIsRefusedWithItsAddress) {
    Ledger made;
    ASSERT_TRUE(made.ledger.host_lost(kSmall * 5 + 123, kSmall).ok());
    const PageDecision decision = made.ledger.decide(0, kLarge);
    EXPECT_EQ(decision.access, PageAccess::refuse);
    EXPECT_EQ(decision.address, kSmall * 5);
    EXPECT_EQ(made.ledger.first_unknown().address, kSmall * 5);
}

TEST(PoisonTest, OnceTheGuestKnowsItIsSkipped) {
    Ledger made;
    ASSERT_TRUE(made.ledger.host_lost(kSmall * 5, kSmall).ok());
    ASSERT_TRUE(made.ledger.guest_knows(kSmall * 5, kSmall).ok());
    EXPECT_EQ(made.ledger.decide(0, kLarge).access, PageAccess::skip_as_zero);
    EXPECT_EQ(made.ledger.first_unknown().access, PageAccess::read);
}

TEST(PoisonTest, APageThatOnlyTheGuestGaveUpIsSkipped) {
    Ledger made;
    ASSERT_TRUE(made.ledger.guest_knows(kSmall, kSmall).ok());
    EXPECT_EQ(made.ledger.decide(kSmall, kSmall).access, PageAccess::skip_as_zero);
}

TEST(PoisonTest, OfALargePageTheGuestMustKnowAll) {
    Ledger made(600);
    ASSERT_TRUE(made.ledger.host_lost(kLarge, kLarge).ok());
    ASSERT_TRUE(made.ledger.guest_knows(kLarge, kSmall).ok());
    EXPECT_EQ(made.ledger.decide(kLarge, kSmall).address, kLarge + kSmall);
    for (uint64_t page = 1; page < kLarge / kSmall; ++page) {
        EXPECT_EQ(made.ledger.decide(kLarge, kLarge).access, PageAccess::refuse);
        ASSERT_TRUE(made.ledger.guest_knows(kLarge + page * kSmall, kSmall).ok());
    }
    EXPECT_EQ(made.ledger.decide(kLarge, kLarge).access, PageAccess::skip_as_zero);
}

TEST(PoisonTest, ALedgerThatOverflowedRefusesEverything) {
    Ledger made(2);
    ASSERT_TRUE(made.ledger.guest_knows(0, kSmall).ok());
    ASSERT_TRUE(made.ledger.guest_knows(0, kSmall).ok()) << "the same page takes no room twice";
    ASSERT_TRUE(made.ledger.guest_knows(kSmall, kSmall).ok());
    EXPECT_EQ(made.ledger.guest_knows(kLarge, kSmall).error().code, Errc::no_space);
    EXPECT_TRUE(made.ledger.incomplete());
    EXPECT_EQ(made.ledger.decide(kLarge * 9, kSmall).access, PageAccess::refuse);
    made.ledger.clear();
    EXPECT_EQ(made.ledger.decide(0, kSmall).access, PageAccess::read);
}

TEST(PoisonTest, PageSizesArePowersOfTwo) {
    Ledger made;
    for (const uint64_t size :
         {uint64_t{0}, uint64_t{1}, uint64_t{2048}, uint64_t{4097}, uint64_t{12288}}) {
        EXPECT_EQ(made.ledger.host_lost(0, size).error().code, Errc::invalid) << size;
    }
    EXPECT_TRUE(made.ledger.host_lost(~uint64_t{0}, kSmall).ok()) << "the last page there is";
    EXPECT_EQ(made.ledger.decide(~uint64_t{0} - 1, 2).access, PageAccess::refuse);
}

// Against a plain set of bytes' pages, over random ledgers.
TEST(PoisonTest, AgreesWithAPlainSetOfPages) {
    std::mt19937_64 random{20261120};
    constexpr uint64_t kPages = 1024;
    for (int round = 0; round < 200; ++round) {
        Ledger made(64);
        std::vector<bool> host(kPages);
        std::vector<bool> guest(kPages);
        for (int i = 0; i < 12; ++i) {
            const uint64_t size = random() % 3 == 0 ? kLarge : kSmall;
            const uint64_t page = random() % kPages;
            auto& side = random() % 2 == 0 ? host : guest;
            ASSERT_TRUE((&side == &host ? made.ledger.host_lost(page * kSmall, size)
                                        : made.ledger.guest_knows(page * kSmall, size))
                            .ok());
            const uint64_t first = page * kSmall / size * (size / kSmall);
            for (uint64_t j = first; j < first + size / kSmall; ++j) {
                side[j] = true;
            }
        }
        for (uint64_t page = 0; page < kPages; ++page) {
            const PageAccess access = made.ledger.decide(page * kSmall, kSmall).access;
            if (!host[page] && !guest[page]) {
                EXPECT_EQ(access, PageAccess::read);
            } else if (host[page] && !guest[page]) {
                EXPECT_EQ(access, PageAccess::refuse);
            } else {
                // Known here; refused all the same if another part of its large page is not.
                EXPECT_NE(access, PageAccess::read);
            }
        }
    }
}

}  // namespace
}  // namespace resume
