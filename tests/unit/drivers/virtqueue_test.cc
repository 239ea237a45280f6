// A virtqueue against a device that writes what it likes: nothing of it is believed, and each lie
// is counted.
#include <gtest/gtest.h>

#include <memory>

#include "drivers/model/kvm/host.h"
#include "drivers/model/kvm/virtio_disk.h"
#include "drivers/model/machine.h"
#include "drivers/virtio/queue.h"

namespace resume::test {
namespace {

class VirtQueueTest : public testing::Test {
  protected:
    VirtQueueTest() {
        run([this] { EXPECT_TRUE(queue_.open(registers_, 0, *memory_).ok()); });
    }

    void run(const std::function<void()>& code) {
        const model::RunResult ended = machine_.run(code);
        EXPECT_EQ(ended.end, model::GuestEnd::returned) << ended.reason;
    }
    /// A chain of a head that the device reads and `count` - 1 pieces that it writes.
    bool put(uint32_t count, uint16_t token) {
        VirtPiece pieces[kVirtEntries] = {};
        for (uint32_t i = 0; i < count; ++i) {
            pieces[i] = {.data = data_, .size = 8, .device_writes = i != 0};
        }
        bool good = false;
        run([&] {
            good = queue_.put(pieces, count, token);
            queue_.flush(registers_);
        });
        return good;
    }
    /// The device's word for a chain.
    void say(uint32_t head, uint32_t written) {
        memory_->used.ring[memory_->used.index % kVirtEntries] = {.id = head, .len = written};
        ++memory_->used.index;
    }
    bool taken() {
        bool result = false;
        run([&] { result = queue_.take(used_); });
        return result;
    }

    Machine machine_{{.guest = model::GuestKind::kvm}};
    model::VirtioDisk& disk_ =
        machine_.kvm->add_device<model::VirtioDisk>(model::VirtioDiskConfig{{.handle = 1}});
    VirtioMmio registers_{machine_, disk_.base()};
    std::unique_ptr<VirtQueueMemory> memory_{new VirtQueueMemory};
    alignas(kPageSize) char data_[kPageSize] = {};
    VirtQueue queue_{machine_};
    VirtQueue::Used used_{};
};

TEST_F(VirtQueueTest, ChainsComeBackInTheDevicesOrderWithTheirTokens) {
    ASSERT_TRUE(put(3, 7));
    ASSERT_TRUE(put(2, 9));
    const uint16_t first = memory_->available.ring[0];
    const uint16_t second = memory_->available.ring[1];
    say(second, 8);
    say(first, 16);
    ASSERT_TRUE(taken());
    EXPECT_EQ(used_.token, 9);
    ASSERT_TRUE(taken());
    EXPECT_EQ(used_.token, 7);
    EXPECT_EQ(used_.written, 16U);
    EXPECT_FALSE(taken());
    EXPECT_EQ(queue_.under_way() + queue_.malformed(), 0U);
}

TEST_F(VirtQueueTest, AnAnswerForNothingIsNone) {
    ASSERT_TRUE(put(3, 1));
    ASSERT_TRUE(put(1, 2));
    ASSERT_TRUE(put(1, 3));
    const uint16_t head = memory_->available.ring[0];
    say(kVirtEntries, 0);  // no such descriptor
    say(head + 1U, 0);     // the middle of a chain
    say(head, 0);
    ASSERT_TRUE(taken());
    EXPECT_EQ(used_.token, 1);
    EXPECT_EQ(queue_.malformed(), 2U);
    EXPECT_EQ(queue_.under_way(), 2U);
}

TEST_F(VirtQueueTest, AnAnswerThatWasGivenIsNotGivenTwice) {
    ASSERT_TRUE(put(2, 1));
    ASSERT_TRUE(put(2, 2));
    const uint16_t head = memory_->available.ring[0];
    say(head, 8);
    say(head, 8);
    ASSERT_TRUE(taken());
    EXPECT_FALSE(taken());
    EXPECT_EQ(queue_.malformed(), 1U);
}

TEST_F(VirtQueueTest, MoreAnswersThanChainsStopTheQueue) {
    ASSERT_TRUE(put(2, 1));
    memory_->used.index = 1'000;
    EXPECT_FALSE(taken());
    EXPECT_EQ(queue_.malformed(), 1U);
    EXPECT_EQ(queue_.under_way(), 1U);
}

TEST_F(VirtQueueTest, MoreThanItCouldWriteIsCut) {
    ASSERT_TRUE(put(3, 1));
    say(memory_->available.ring[0], 1U << 30);
    ASSERT_TRUE(taken());
    EXPECT_EQ(used_.written, 16U);
    EXPECT_EQ(queue_.malformed(), 1U);
}

TEST_F(VirtQueueTest, DescriptorsAreUsedAgainHoweverOften) {
    for (uint32_t round = 0; round < 100; ++round) {
        const uint32_t count = 1 + round % 5;
        uint16_t put_chains = 0;
        while (put(count, put_chains)) {
            ++put_chains;
        }
        EXPECT_EQ(put_chains, kVirtEntries / count);
        const uint16_t end = memory_->available.index;
        for (auto at = static_cast<uint16_t>(end - put_chains); at != end; ++at) {
            say(memory_->available.ring[at % kVirtEntries], 0);
        }
        for (uint16_t token = 0; token < put_chains; ++token) {
            ASSERT_TRUE(taken());
            EXPECT_EQ(used_.token, token);
        }
    }
    EXPECT_EQ(queue_.malformed(), 0U);
}

TEST_F(VirtQueueTest, AQueueThatTheDeviceLacksIsNotOpened) {
    VirtQueue other{machine_};
    const auto memory = std::make_unique<VirtQueueMemory>();
    run([&] {
        const Result<> opened = other.open(registers_, 1, *memory);
        ASSERT_FALSE(opened.ok());
        EXPECT_EQ(opened.error().code, Errc::not_found);
    });
    EXPECT_FALSE(other.is_open());
}

}  // namespace
}  // namespace resume::test
