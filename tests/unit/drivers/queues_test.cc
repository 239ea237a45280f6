// The rings of disks and interfaces against a backend that writes what it likes: nothing of it is
// believed, and each lie is counted.
#include <memory>

#include "drivers/blkfront/queue.h"
#include "drivers/net/announcement.h"
#include "drivers/netfront/queue.h"
#include "tests/conformance/model_guest.h"

namespace resume::test {
namespace {

using conformance::ModelGuest;
using model::GuestEnd;

class NetQueueTest : public testing::Test {
  protected:
    NetQueueTest() : queue_{guest_.machine, guest_.guest.events(), guest_.guest.grants()} {
        EXPECT_EQ(guest_.boot().end, GuestEnd::returned);
        guest_.run([this] { EXPECT_TRUE(queue_.open(*memory_, 0, 1).ok()); });
    }
    ~NetQueueTest() override {
        guest_.run([this] { queue_.close(); });
    }

    netif_rx_sring& receive_ring() {
        return *reinterpret_cast<netif_rx_sring*>(memory_->receive_ring.bytes);
    }
    netif_tx_sring& send_ring() {
        return *reinterpret_cast<netif_tx_sring*>(memory_->send_ring.bytes);
    }
    /// The backend's word for a frame.
    void say(const netif_rx_response& response) {
        receive_ring().ring[receive_ring().rsp_prod % kEntries].rsp = response;
        ++receive_ring().rsp_prod;
    }
    bool taken(NetQueue::Frame& frame) {
        bool result = false;
        guest_.run([&] { result = queue_.take(frame); });
        return result;
    }

    static constexpr uint32_t kEntries = 256;
    ModelGuest guest_;
    std::unique_ptr<NetQueueMemory> memory_{new NetQueueMemory};
    NetQueue queue_;
};

TEST_F(NetQueueTest, AFrameLiesWhereTheBackendSaysWithinItsBuffer) {
    memory_->receive[3].bytes[100] = 'x';
    say({.id = 3, .offset = 100, .flags = 0, .status = 60});
    NetQueue::Frame frame;
    ASSERT_TRUE(taken(frame));
    EXPECT_EQ(frame.data, memory_->receive[3].bytes + 100);
    EXPECT_EQ(frame.size, 60U);
    EXPECT_FALSE(taken(frame));
    EXPECT_EQ(queue_.malformed(), 0U);
}

TEST_F(NetQueueTest, NothingIsTakenForAFrameThatCannotBeOne) {
    say({.id = 99, .offset = 0, .flags = 0, .status = 60});                 // no such buffer
    say({.id = 1, .offset = 4000, .flags = 0, .status = 100});              // beyond its page
    say({.id = 2, .offset = 0, .flags = 0, .status = 4097});                // larger than it
    say({.id = 3, .offset = 0, .flags = 0, .status = 13});                  // not even a header
    say({.id = 4, .offset = 0, .flags = 0, .status = -1});                  // an error
    say({.id = 5, .offset = 0, .flags = NETRXF_more_data, .status = 60});   // never asked for
    say({.id = 6, .offset = 0, .flags = NETRXF_extra_info, .status = 60});  // nor this
    NetQueue::Frame frame;
    EXPECT_FALSE(taken(frame));
    EXPECT_EQ(queue_.malformed(), 7U);
}

TEST_F(NetQueueTest, ABufferThatWasGivenBackIsNotGivenTwice) {
    NetQueue::Frame frame;
    say({.id = 0, .offset = 0, .flags = 0, .status = 60});
    say({.id = 0, .offset = 0, .flags = 0, .status = 60});
    ASSERT_TRUE(taken(frame));
    // Posted anew by the next take, so the second is believed only now.
    EXPECT_TRUE(taken(frame));
    EXPECT_EQ(queue_.malformed(), 0U);
}

TEST_F(NetQueueTest, MoreAnswersThanWereAskedForStopTheRing) {
    receive_ring().rsp_prod = 1'000;
    send_ring().rsp_prod = 1'000;
    NetQueue::Frame frame;
    bool good = false;
    EXPECT_FALSE(taken(frame));
    guest_.run([&] { EXPECT_FALSE(queue_.take_sent(good)); });
    EXPECT_EQ(queue_.malformed(), 2U);
}

TEST_F(NetQueueTest, AnAnswerForAFrameThatWasNotSentIsNone) {
    bool good = false;
    guest_.run([&] {
        const char bytes[60] = {};
        ASSERT_TRUE(queue_.put(bytes, sizeof bytes));
        queue_.flush();
        send_ring().ring[0].rsp = {.id = 5, .status = NETIF_RSP_OKAY};
        send_ring().rsp_prod = 1;
        EXPECT_FALSE(queue_.take_sent(good));
    });
    EXPECT_EQ(queue_.malformed(), 1U);
    EXPECT_EQ(queue_.under_way(), 1U);
}

TEST_F(NetQueueTest, ItIsFullWhenEverySlotIsUnderWay) {
    guest_.run([&] {
        const char bytes[60] = {};
        uint32_t sent = 0;
        while (queue_.put(bytes, sizeof bytes)) {
            ++sent;
        }
        EXPECT_EQ(sent, kNetSendSlots);
    });
}

TEST_F(NetQueueTest, ClosingGivesEveryGrantBack) {
    guest_.run([this] { queue_.close(); });
    EXPECT_EQ(guest_.guest.grants().in_use(), 0U);
    EXPECT_EQ(queue_.leaked_grants(), 0U);
}

TEST(AnnouncementTest, IsABroadcastRarpRequestOfItsOwnAddress) {
    const uint8_t mac[6] = {0x00, 0x16, 0x3e, 0x01, 0x02, 0x03};
    const Announcement frame{mac};
    const auto* bytes = reinterpret_cast<const uint8_t*>(frame.data());
    const uint8_t wanted[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x16, 0x3e, 0x01, 0x02,
                              0x03, 0x80, 0x35, 0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x03,
                              0x00, 0x16, 0x3e, 0x01, 0x02, 0x03, 0,    0,    0,    0,    0x00,
                              0x16, 0x3e, 0x01, 0x02, 0x03, 0,    0,    0,    0};
    EXPECT_EQ(frame.size(), 60U);
    EXPECT_EQ(__builtin_memcmp(bytes, wanted, sizeof wanted), 0);
}

TEST(BlockQueueTest, AnswersThatCannotBeRightAreNotBelieved) {
    ModelGuest guest;
    ASSERT_EQ(guest.boot().end, GuestEnd::returned);
    std::unique_ptr<BlockQueueMemory> memory{new BlockQueueMemory};
    BlockQueue queue{guest.machine, guest.guest.events(), guest.guest.grants()};
    auto& ring = *reinterpret_cast<blkif_sring*>(memory->ring.bytes);
    guest.run([&] {
        ASSERT_TRUE(queue.open(*memory, 0, 51712, 1).ok());
        BlockQueue::Answer answer;
        ring.rsp_prod = 1'000;  // more than there can be
        EXPECT_FALSE(queue.take(answer));
        ring.rsp_prod = 0;
        ASSERT_TRUE(queue.put({.operation = BLKIF_OP_FLUSH_DISKCACHE}, 11, false));
        queue.flush();
        ring.ring[0].rsp = {.id = 31, .operation = 0, .status = BLKIF_RSP_OKAY};
        ring.rsp_prod = 1;
        EXPECT_FALSE(queue.take(answer));
        EXPECT_EQ(queue.under_way(), 1U);
        BlockPart part;
        EXPECT_TRUE(queue.take_back(part, true));
        queue.close();
    });
    EXPECT_EQ(queue.malformed(), 2U);
    EXPECT_EQ(guest.guest.grants().in_use(), 0U);
}

}  // namespace
}  // namespace resume::test
