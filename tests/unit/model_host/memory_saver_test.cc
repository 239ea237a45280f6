// The memory saver, judged by real SIGBUSes: RESUME_LAYOUTS (2,000; 200 under a sanitizer, whose
// forks are slow) random layouts of blocks, page sizes and lost pages. Whoever touches a lost page
// dies; so each layout is also saved by a saver without the check, in a child, and has to kill it.
#include "drivers/model/memory_saver.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <memory>
#include <new>
#include <random>

#include "tests/unit/model_host/poisoned_memory.h"

namespace resume::model {
namespace {

constexpr size_t kSmall = 4096;
constexpr size_t kLarge = size_t{2} << 20;
constexpr size_t kHuge = size_t{1} << 30;
constexpr int kLayouts = RESUME_LAYOUTS;

struct Layout {
    std::unique_ptr<PoisonedMemory> memory;
    MemoryBlock block;
    bool compress = false;
    std::vector<bool> lost;  ///< by page of the block
    std::vector<PoisonedRange> storage{4096};
    std::unique_ptr<PoisonLedger> ledger;

    [[nodiscard]] size_t pages() const { return lost.size(); }
    [[nodiscard]] bool any_lost() const {
        return std::find(lost.begin(), lost.end(), true) != lost.end();
    }
};

// A lost page of a block is lost as a whole; host and guest both know.
void lose(Layout& layout, size_t page) {
    const size_t size = layout.block.page_size;
    const uint64_t address = layout.block.guest_address + page * size;
    layout.memory->lose(page * size, size);
    layout.lost[page] = true;
    ASSERT_TRUE(layout.ledger->host_lost(address + 8, size).ok());
}

void tell_guest(Layout& layout, size_t page) {
    const size_t size = layout.block.page_size;
    ASSERT_TRUE(layout.ledger->guest_knows(layout.block.guest_address + page * size, size).ok());
}

size_t page_size_of(int number) {
    return number % 100 == 0 ? kHuge : number % 8 == 0 ? kLarge : kSmall;
}

// One block; a gigabyte page that is read costs time, so of those at most one is healthy.
Layout make_layout(int number, bool known) {
    std::mt19937_64 random{static_cast<uint64_t>(number)};
    Layout layout;
    const size_t size = page_size_of(number);
    const size_t pages = size == kSmall   ? 1 + random() % 64
                         : size == kLarge ? 1 + random() % 6
                                          : 1 + random() % 2;
    layout.memory = std::make_unique<PoisonedMemory>(pages * size);
    layout.block = {.guest_address = kHuge * (1 + random() % 1000),
                    .host = layout.memory->bytes(),
                    .length = pages * size,
                    .page_size = size};
    layout.compress = random() % 2 == 0;
    layout.lost.resize(pages);
    layout.ledger = std::make_unique<PoisonLedger>(layout.storage.data(),
                                                   static_cast<uint32_t>(layout.storage.size()));
    for (size_t page = 0; page < pages; ++page) {
        for (uint64_t words = random() % 4; words > 0; --words) {
            const uint64_t word = random();
            std::memcpy(layout.memory->bytes() + page * size + random() % (size / 8) * 8, &word, 8);
        }
        if (random() % 4 == 0 || (size == kHuge && page == 0)) {
            lose(layout, page);
            if (known) {
                tell_guest(layout, page);
            }
        }
    }
    return layout;
}

// Room for one page; a large one is given back at once, and costs only what is written to it.
class Buffer {
  public:
    explicit Buffer(size_t size)
        : size_{size},
          bytes_{
              ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)} {
        if (bytes_ == MAP_FAILED) {
            throw std::bad_alloc{};
        }
    }
    ~Buffer() { ::munmap(bytes_, size_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    [[nodiscard]] uint8_t* bytes() const { return static_cast<uint8_t*>(bytes_); }

  private:
    size_t size_;
    void* bytes_;
};

// How a process ends that saves layout `number` with these bugs: 0, or the signal that killed it.
int saved_in_child(int number, SaverBugs bugs) {
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_CORE, &none);
        ::signal(SIGBUS, SIG_DFL);
        Layout layout = make_layout(number, true);
        std::vector<SavedPage> stream;
        MemorySaver saver{*layout.ledger, bugs};
        saver.save(layout.block, layout.compress, stream);
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

class MemorySaverTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = PoisonedMemory::missing(); !why.empty()) {
            GTEST_SKIP() << "SKIP: no real memory poison here: " << why;
        }
    }
};

TEST_F(MemorySaverTest, LosesNothingAndTouchesNoLostPageInEachLayout) {
    int lost = 0;
    int huge_compared = 0;
    for (int number = 0; number < kLayouts; ++number) {
        Layout layout = make_layout(number, true);
        std::vector<SavedPage> stream;
        MemorySaver saver{*layout.ledger};
        ASSERT_FALSE(saver.blocked_by());
        ASSERT_TRUE(saver.save(layout.block, layout.compress, stream)) << saver.error();
        ASSERT_EQ(stream.size(), layout.pages());
        const Buffer loaded{layout.block.page_size};
        for (size_t page = 0; page < stream.size(); ++page) {
            const SavedPage& saved = stream[page];
            ASSERT_EQ(saved.lost, layout.lost[page]);
            ASSERT_EQ(saved.page_size, layout.block.page_size) << "one page, its own size";
            ASSERT_TRUE(!saved.lost || saved.kind == SavedPage::Kind::zero);
            lost += saved.lost ? 1 : 0;
            if (!saved.lost) {
                ASSERT_TRUE(load_page(saved, loaded.bytes()));
                ASSERT_EQ(std::memcmp(loaded.bytes(), layout.block.host + page * saved.page_size,
                                      saved.page_size),
                          0)
                    << "layout " << number << " page " << page;
                huge_compared += saved.page_size == kHuge && saved.kind != SavedPage::Kind::zero;
            }
        }
    }
    EXPECT_GT(lost, kLayouts / 2) << "the layouts are of use";
    EXPECT_GE(huge_compared, kLayouts / 1000) << "pages of 1 GiB that are not all zeros";
}

TEST_F(MemorySaverTest, WithoutTheCheckTheSameLayoutsKillTheSaver) {
    int killed = 0;
    for (int number = 0; number < kLayouts; ++number) {
        const Layout layout = make_layout(number, true);
        const int signal = saved_in_child(number, {.read_lost = true});
        ASSERT_EQ(signal, layout.any_lost() ? SIGBUS : 0) << "layout " << number;
        killed += signal == SIGBUS ? 1 : 0;
    }
    EXPECT_GT(killed, kLayouts / 2);
}

TEST_F(MemorySaverTest, ACheckOnThePlainPathOnlyIsNotEnough) {
    for (int number = 1; number < 200; ++number) {
        const Layout layout = make_layout(number, true);
        EXPECT_EQ(saved_in_child(number, {.compress_lost = true}),
                  layout.any_lost() && layout.compress ? SIGBUS : 0)
            << "layout " << number;
    }
}

// A page of 2 MiB with its 5th small page told: asked for 4 KiB only, the saver sees nothing.
TEST_F(MemorySaverTest, TheBlocksOwnPageSizeCounts) {
    const auto save = [](SaverBugs bugs) {
        PoisonedMemory memory{kLarge};
        memory.lose(0, kLarge);
        PoisonedRange storage[4];
        PoisonLedger ledger{storage, 4};
        static_cast<void>(ledger.guest_knows(5 * kSmall, kSmall));
        std::vector<SavedPage> stream;
        MemorySaver saver{ledger, bugs};
        saver.save(
            {.guest_address = 0, .host = memory.bytes(), .length = kLarge, .page_size = kLarge},
            false, stream);
        std::_Exit(stream.at(0).lost ? 0 : 1);
    };
    EXPECT_EXIT(save({.small_pages = true}), ::testing::KilledBySignal(SIGBUS), "");
    EXPECT_EXIT(save({}), ::testing::ExitedWithCode(0), "");
}

TEST_F(MemorySaverTest, AnUnknownPageBlocksWithItsAddressUntilTheGuestKnowsInEachLayout) {
    int blocked = 0;
    for (int number = 0; number < kLayouts; ++number) {
        Layout layout = make_layout(number, false);
        for (size_t page = 0; page < layout.pages(); ++page) {
            if (!layout.lost[page]) {
                continue;
            }
            const uint64_t address = layout.block.guest_address + page * layout.block.page_size;
            MemorySaver saver{*layout.ledger};
            std::vector<SavedPage> stream;
            ASSERT_EQ(saver.blocked_by(), address);
            ASSERT_FALSE(saver.save(layout.block, layout.compress, stream));
            ASSERT_EQ(stream.size(), page) << "nothing at or behind it was sent";
            char text[24];
            std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(address));
            ASSERT_NE(saver.error().find(text), std::string::npos) << saver.error();
            tell_guest(layout, page);
            ++blocked;
        }
        MemorySaver saver{*layout.ledger};
        std::vector<SavedPage> stream;
        ASSERT_FALSE(saver.blocked_by());
        ASSERT_TRUE(saver.save(layout.block, layout.compress, stream)) << saver.error();
    }
    EXPECT_GT(blocked, 5 * kLayouts) << "each lost page of each layout";
}

TEST_F(MemorySaverTest, UnknownPagesAsZerosWouldBeSilentCorruption) {
    PoisonedMemory memory{4 * kSmall};
    memory.lose(kSmall, kSmall);
    PoisonedRange storage[4];
    PoisonLedger ledger{storage, 4};
    ASSERT_TRUE(ledger.host_lost(kSmall, kSmall).ok());
    const MemoryBlock block{
        .guest_address = 0, .host = memory.bytes(), .length = 4 * kSmall, .page_size = kSmall};
    std::vector<SavedPage> stream;
    MemorySaver buggy{ledger, {.zero_unknown = true}};
    EXPECT_TRUE(buggy.save(block, false, stream)) << "the bug: the guest would read zeros";
    EXPECT_TRUE(stream.at(1).lost);
    stream.clear();
    MemorySaver saver{ledger};
    EXPECT_FALSE(saver.save(block, false, stream));
}

TEST(MemorySaverLoadTest, ACompressedPageThatIsNotOnePageIsRefused) {
    std::vector<uint8_t> page(kSmall);
    SavedPage saved{.guest_address = 0,
                    .page_size = kSmall,
                    .kind = SavedPage::Kind::compressed,
                    .lost = false,
                    .bytes = std::vector<uint8_t>(12, 0xff)};
    EXPECT_FALSE(load_page(saved, page.data())) << "far more than a page";
    saved.bytes = {1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
    EXPECT_FALSE(load_page(saved, page.data())) << "one word";
    saved.bytes = {1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0};
    EXPECT_TRUE(load_page(saved, page.data()));
    saved.bytes.push_back(0);
    EXPECT_FALSE(load_page(saved, page.data()));
}

}  // namespace
}  // namespace resume::model
