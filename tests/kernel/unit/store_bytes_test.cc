// What the kernel says is unfinished in the store's ring at the moment of the hypercall (L4).
#include "tests/kernel/store_bytes.h"

#include <cstring>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "libresume/platform/xen.h"

#include <xen/io/xs_wire.h>

namespace {

struct alignas(4096) Page {
    xenstore_domain_interface ring{};
};

class StoreBytesTest : public testing::Test {
  protected:
    void put(uint32_t type, uint32_t length, uint32_t bytes_there) {
        xsd_sockmsg header{.type = type, .req_id = 0, .tx_id = 0, .len = length};
        std::vector<char> message(sizeof(header) + length, 'x');
        std::memcpy(message.data(), &header, sizeof(header));
        for (uint32_t i = 0; i < bytes_there; ++i) {
            ring().rsp[MASK_XENSTORE_IDX(ring().rsp_prod++)] = message[i];
        }
    }
    xenstore_domain_interface& ring() { return page_->ring; }
    uint32_t unfinished() {
        return kernel::unfinished_store_bytes(reinterpret_cast<uintptr_t>(page_.get()) >> 12);
    }

    std::unique_ptr<Page> page_ = std::make_unique<Page>();
    static constexpr uint32_t kHeader = sizeof(xsd_sockmsg);
};

TEST_F(StoreBytesTest, NoPageAndEmptyRing) {
    EXPECT_EQ(kernel::unfinished_store_bytes(0), 0U);
    EXPECT_EQ(unfinished(), 0U);
}

TEST_F(StoreBytesTest, RequestThatTheDaemonHasNotTaken) {
    ring().req_cons = 0xfffffff0;
    ring().req_prod = 0x20;  // the indices run free
    EXPECT_EQ(unfinished(), 0x30U);
}

TEST_F(StoreBytesTest, WholeWatchEventsWaitForNobody) {
    ring().rsp_cons = ring().rsp_prod = 1020;  // over the end of the ring
    put(XS_WATCH_EVENT, 12, kHeader + 12);
    put(XS_WATCH_EVENT, 30, kHeader + 30);
    EXPECT_EQ(unfinished(), 0U);
}

TEST_F(StoreBytesTest, ReplyAndHalfAnEventCount) {
    put(XS_WATCH_EVENT, 12, kHeader + 12);
    put(XS_READ, 3, kHeader + 3);
    EXPECT_EQ(unfinished(), kHeader + 3);
    ring().rsp_cons = ring().rsp_prod;
    put(XS_WATCH_EVENT, 12, kHeader + 4);
    EXPECT_EQ(unfinished(), kHeader + 4);
}

TEST_F(StoreBytesTest, LengthsFromOutsideAreBounded) {
    put(XS_WATCH_EVENT, XENSTORE_PAYLOAD_MAX + 1, kHeader);
    EXPECT_EQ(unfinished(), kHeader);
    ring().rsp_prod = ring().rsp_cons + 100'000;  // an index that cannot be
    EXPECT_EQ(unfinished(), 100'000U);
}

}  // namespace
