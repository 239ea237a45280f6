// The store daemon of the model, through the ring: what xenstored promises and refuses.
#include <gtest/gtest.h>

#include "drivers/model/store/embedded.h"
#include "tests/unit/model/bare_guest.h"

namespace resume::test {
namespace {

class StoreTest : public ::testing::Test {
  protected:
    void run(const std::function<void()>& code) {
        const auto result = machine.run(code);
        EXPECT_EQ(result.end, model::GuestEnd::returned) << result.reason;
    }
    std::string begin() { return guest.ask(XS_TRANSACTION_START, std::string(1, '\0')).payload; }
    std::string end(uint32_t tx, const char* how) {
        return guest.ask(XS_TRANSACTION_END, std::string{how} + '\0', tx).payload.c_str();
    }
    static uint32_t number(const std::string& text) {
        return static_cast<uint32_t>(std::stoul(text));
    }

    Machine machine;
    BareGuest guest{machine};
};

TEST_F(StoreTest, ReadsAndWritesItsOwnPart) {
    run([&] {
        EXPECT_EQ(guest.read("domid"), "7");
        EXPECT_EQ(guest.read("/local/domain/7/domid"), "7");
        EXPECT_EQ(guest.write("data/resume/version", "1 0.1.0"), "OK");
        EXPECT_EQ(guest.read("data/resume/version"), "1 0.1.0");
        EXPECT_EQ(guest.read("data/none"), "!ENOENT");
        EXPECT_EQ(guest.write("control/feature-suspend", "1"), "OK");
    });
}

TEST_F(StoreTest, RefusesWhatIsNotTheGuests) {
    run([&] {
        EXPECT_EQ(guest.write("domid", "0"), "EACCES");
        EXPECT_EQ(guest.write("control/platform-feature-xs_reset_watches", "0"), "EACCES");
        EXPECT_EQ(guest.read("/"), "!EACCES");
        EXPECT_EQ(guest.write("/local/domain/8/data", "x"), "EACCES");
        EXPECT_EQ(guest.read("bad//path"), "!EINVAL");
        EXPECT_EQ(guest.read("bad path"), "!EINVAL");
        EXPECT_STREQ(guest.ask(XS_INTRODUCE, std::string(1, '\0')).payload.c_str(), "EACCES");
        EXPECT_STREQ(guest.ask(77, "x").payload.c_str(), "ENOSYS");
    });
}

TEST_F(StoreTest, AWatchFiresAtOnceAndOnChange) {
    run([&] {
        EXPECT_EQ(guest.watch("control/shutdown", "token"), "OK");
        EXPECT_EQ(guest.watch("control/shutdown", "token"), "EEXIST");
        StoreAnswer event = guest.events.empty() ? guest.take() : guest.events.back();
        EXPECT_EQ(event.type, static_cast<uint32_t>(XS_WATCH_EVENT));
        EXPECT_EQ(event.payload, std::string("control/shutdown\0token\0", 23));
        guest.events.clear();
        machine.store->write("control/shutdown", "suspend");
        EXPECT_EQ(guest.take().payload, std::string("control/shutdown\0token\0", 23));
        EXPECT_EQ(guest.read("control/shutdown"), "suspend");
    });
}

TEST_F(StoreTest, ATransactionIsTornByAForeignWrite) {
    run([&] {
        const uint32_t tx = number(begin());
        EXPECT_EQ(guest.read("control/shutdown", tx), "");
        machine.store->write("control/shutdown", "suspend");
        EXPECT_EQ(guest.read("control/shutdown", tx), "") << "it sees its own snapshot";
        EXPECT_EQ(guest.write("control/shutdown", "", tx), "OK");
        EXPECT_EQ(end(tx, "T"), "EAGAIN");
        EXPECT_EQ(guest.read("control/shutdown"), "suspend");
        EXPECT_EQ(end(tx, "T"), "ENOENT");
    });
}

TEST_F(StoreTest, ATransactionCommitsWholeOrNotAtAll) {
    run([&] {
        const uint32_t tx = number(begin());
        guest.write("data/a", "1", tx);
        EXPECT_EQ(guest.read("data/a"), "!ENOENT");
        EXPECT_EQ(end(tx, "T"), "OK");
        EXPECT_EQ(guest.read("data/a"), "1");
        const uint32_t other = number(begin());
        guest.write("data/a", "2", other);
        EXPECT_EQ(end(other, "F"), "OK");
        EXPECT_EQ(guest.read("data/a"), "1");
    });
}

TEST_F(StoreTest, QuotasOfAnUnprivilegedClient) {
    run([&] {
        for (int i = 0; i < 10; ++i) {
            EXPECT_NE(begin().substr(0, 1), "E");
        }
        EXPECT_STREQ(begin().c_str(), "ENOSPC");
        EXPECT_EQ(machine.store->open_transactions(), 10U);
        EXPECT_EQ(guest.write("data/big", std::string(2048, 'x')), "OK");
        EXPECT_EQ(guest.write("data/big", std::string(2049, 'x')), "ENOSPC");
        for (int i = 0; i < 128; ++i) {
            EXPECT_EQ(guest.watch("data", std::to_string(i)), "OK");
        }
        EXPECT_EQ(guest.watch("data", "more"), "E2BIG");
        EXPECT_STREQ(guest.ask(XS_RESET_WATCHES, std::string(1, '\0')).payload.c_str(), "OK");
        EXPECT_EQ(machine.store->open_transactions(), 0U);
    });
}

TEST_F(StoreTest, NodeQuota) {
    run([&] {
        std::string answer = "OK";
        int made = 0;
        for (; answer == "OK" && made < 2000; ++made) {
            answer = guest.write("data/n" + std::to_string(made), "");
        }
        EXPECT_EQ(answer, "ENOSPC");
        EXPECT_GT(made, 900);
    });
}

TEST_F(StoreTest, APayloadAboveTheLimitEndsTheConnection) {
    run([&] {
        EXPECT_EQ(guest.ask(XS_WRITE, std::string("data/x\0", 7) + std::string(4089, 'v')).type,
                  static_cast<uint32_t>(XS_ERROR));
        EXPECT_FALSE(machine.store_ring.broken());
        const xsd_sockmsg head{XS_WRITE, 99, 0, 4097};
        guest.put_bytes(std::string(reinterpret_cast<const char*>(&head), sizeof head));
        wait_for_interrupt(machine, guest.in(model::kSecond));
        EXPECT_TRUE(machine.store_ring.broken());
    });
}

TEST_F(StoreTest, AStormOfOneWatchIsCoalesced) {
    run([&] {
        guest.watch("data", "storm");
        for (int i = 0; i < 10'000; ++i) {
            machine.store->write("data/x", std::to_string(i));
        }
        int events = 0;
        while (guest.take().type == XS_WATCH_EVENT) {
            ++events;
        }
        EXPECT_GT(events, 0);
        EXPECT_LT(events, 200);
    });
}

TEST_F(StoreTest, FaultsAreInjectedByPlan) {
    machine.faults.add(
        {.site = model::FaultSite::store_request, .number = XS_WRITE, .skip = 1, .error = EIO});
    machine.faults.add({.site = model::FaultSite::store_request, .number = XS_RM, .swallow = true});
    run([&] {
        EXPECT_EQ(guest.write("data/x", "1"), "OK");
        EXPECT_EQ(guest.write("data/x", "2"), "EIO");
        EXPECT_EQ(guest.write("data/x", "3"), "OK");
        EXPECT_STREQ(guest.ask(XS_RM, std::string("data/x\0", 7)).payload.c_str(), "OK");
        EXPECT_EQ(guest.read("data/x"), "3");
    });
}

}  // namespace
}  // namespace resume::test
