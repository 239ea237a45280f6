// The store's client on the model: requests, watches, transactions, and the gate.
#include "tests/conformance/model_guest.h"

#include <array>

#include <xen/io/xs_wire.h>

namespace resume::test {
using conformance::ModelGuest;
namespace {

using model::GuestEnd;
using model::HostAct;

class StoreTest : public testing::Test {
  protected:
    void SetUp() override { ASSERT_EQ(guest.boot().end, GuestEnd::returned) << guest.last.reason; }
    void in_guest(const std::function<void()>& code) {
        ASSERT_EQ(guest.run(code).end, GuestEnd::returned) << guest.last.reason;
    }
    Ticks soon(uint64_t ms = 1000) {
        return raw_counter(guest.machine) + counter_hz(guest.machine) / 1000 * ms;
    }
    Store& store() { return guest.guest.store(); }
    std::string read(const char* path) {
        char value[64] = {};
        const Result<uint32_t> size = store().read(path, value, sizeof(value));
        return size.ok() ? std::string{value, size.value()} : name_of(size.error().code);
    }

    ModelGuest guest;
};

TEST_F(StoreTest, WritesReadsAndRemoves) {
    in_guest([this] {
        EXPECT_TRUE(store().write("data/x", "value", 5).ok());
        EXPECT_EQ(read("data/x"), "value");
        EXPECT_TRUE(store().remove("data/x").ok());
        EXPECT_EQ(read("data/x"), "not_found");
    });
}

TEST_F(StoreTest, AMessageLongerThanTheRingGoesThrough) {
    in_guest([this] {
        const std::string value(1900, 'x');
        EXPECT_TRUE(
            store().write("data/long", value.data(), static_cast<uint32_t>(value.size())).ok());
        std::string back(2000, '\0');
        const Result<uint32_t> size = store().read("data/long", back.data(), 2000);
        ASSERT_TRUE(size.ok());
        EXPECT_EQ(back.substr(0, size.value()), value);
    });
}

TEST_F(StoreTest, AReplyLongerThanTheBufferIsCutAndSaysSo) {
    in_guest([this] {
        EXPECT_TRUE(store().write("data/x", "0123456789", 10).ok());
        char value[4] = {};
        const Result<uint32_t> size = store().read("data/x", value, sizeof(value));
        ASSERT_TRUE(size.ok());
        EXPECT_EQ(size.value(), 10U);
        EXPECT_EQ(std::string(value, 4), "0123");
    });
}

TEST_F(StoreTest, RefusesWhatIsNoPathOrTooLong) {
    in_guest([this] {
        EXPECT_EQ(store().write("data//x", "", 0).error().code, Errc::invalid);
        EXPECT_EQ(store().write("", "", 0).error().code, Errc::invalid);
        const std::string value(kStorePayloadMax, 'x');
        EXPECT_EQ(store().write("data/x", value.data(), kStorePayloadMax).error().code,
                  Errc::invalid);
        EXPECT_EQ(read("control/../x"), "invalid");
    });
}

TEST_F(StoreTest, ManyRequestsAtOnceAllComplete) {
    in_guest([this] {
        std::array<StoreRequest, 40> requests;
        int done = 0;
        const char path[] = "name";
        for (StoreRequest& request : requests) {
            request.type = XS_READ;
            request.head = path;
            request.head_size = sizeof(path);
            request.argument = &done;
            request.completed = [](void* count, StoreRequest&) noexcept {
                ++*static_cast<int*>(count);
            };
            EXPECT_TRUE(store().submit(request).ok());
        }
        while (done < 40) {
            wait_for_interrupt(guest.machine, soon());
            store().pump();
        }
        EXPECT_EQ(store().users(), 0U);
    });
}

TEST_F(StoreTest, ACancelledRequestLeavesNoHole) {
    in_guest([this] {
        {
            StoreRequest request;
            const char path[] = "name";
            request.type = XS_READ;
            request.head = path;
            request.head_size = sizeof(path);
            EXPECT_TRUE(store().submit(request).ok());
            store().pump();
            store().cancel(request);
        }
        EXPECT_EQ(read("data/none"), "not_found");
        EXPECT_EQ(store().stray_replies(), 1U);
        EXPECT_EQ(store().users(), 0U);
    });
}

struct Counter {
    int fired = 0;
    std::string where;
    static void count(void* self, const char* where) noexcept {
        auto* counter = static_cast<Counter*>(self);
        ++counter->fired;
        counter->where = where;
    }
};

TEST_F(StoreTest, WatchesFireAtOnceOnChangesAndAgainAfterARestore) {
    Counter counter;
    StoreWatch watch;
    watch.path = "data/watched";
    watch.fired = &Counter::count;
    watch.argument = &counter;
    in_guest([&] { EXPECT_TRUE(store().watch(watch).ok()); });
    guest.idle(10 * model::kMillisecond);
    EXPECT_EQ(counter.fired, 1);
    in_guest([&] { EXPECT_TRUE(store().write("data/watched/below", "1", 1).ok()); });
    guest.idle(10 * model::kMillisecond);
    EXPECT_EQ(counter.fired, 2);
    EXPECT_EQ(counter.where, "data/watched/below");
    ASSERT_TRUE(guest.cycle(HostAct::checkpoint));
    guest.idle(10 * model::kMillisecond);
    EXPECT_EQ(counter.fired, 2);
    ASSERT_TRUE(guest.cycle(HostAct::save_restore));
    guest.idle(10 * model::kMillisecond);
    EXPECT_EQ(counter.fired, 3);
    in_guest([&] {
        EXPECT_EQ(store().watch(watch).error().code, Errc::exists);
        EXPECT_TRUE(store().unwatch(watch).ok());
        EXPECT_EQ(store().unwatch(watch).error().code, Errc::not_found);
    });
    EXPECT_EQ(guest.complaints(), "");
}

TEST_F(StoreTest, AWatchThatReadsInItsCallbackDoesNotNest) {
    struct Reader {
        Store* store;
        int depth = 0;
        int deepest = 0;
        int fired = 0;
    } reader{&store()};
    StoreWatch watch;
    watch.path = "data/busy";
    watch.argument = &reader;
    watch.fired = [](void* self, const char*) noexcept {
        auto& of = *static_cast<Reader*>(self);
        of.deepest = std::max(of.deepest, ++of.depth);
        ++of.fired;
        if (of.fired < 5) {
            (void)of.store->write("data/busy", "x", 1);
        }
        --of.depth;
    };
    in_guest([&] { EXPECT_TRUE(store().watch(watch).ok()); });
    guest.idle(50 * model::kMillisecond);
    EXPECT_GE(reader.fired, 5);
    EXPECT_EQ(reader.deepest, 1);
    in_guest([&] { EXPECT_TRUE(store().unwatch(watch).ok()); });
}

TEST_F(StoreTest, TransactionsCommitAndConflictsAreRepeated) {
    in_guest([this] {
        StoreTransaction transaction;
        ASSERT_TRUE(store().begin(transaction).ok());
        EXPECT_TRUE(store().write("data/t", "1", 1, transaction.id).ok());
        EXPECT_EQ(read("data/t"), "not_found");
        EXPECT_TRUE(store().end(transaction, true).ok());
        EXPECT_EQ(read("data/t"), "1");
        EXPECT_EQ(store().end(transaction, true).error().code, Errc::invalid);
    });
}

TEST_F(StoreTest, ATornTransactionOfATaskEndsInAgainAndIsNeverCommitted) {
    StoreTransaction transaction{.owner = StoreTransaction::Owner::task, .task = 4};
    in_guest([&] {
        ASSERT_TRUE(store().begin(transaction).ok());
        EXPECT_TRUE(store().write("data/torn", "1", 1, transaction.id).ok());
    });
    const auto result = guest.cycle(HostAct::save_restore);
    ASSERT_TRUE(result) << "an open transaction of a task must not keep the guest up";
    in_guest([&] {
        EXPECT_EQ(store().end(transaction, true).error().code, Errc::again);
        EXPECT_EQ(read("data/torn"), "not_found");
    });
    EXPECT_EQ(guest.complaints(), "");
}

TEST_F(StoreTest, ATransactionOfATaskOutlivesACancel) {
    StoreTransaction transaction{.owner = StoreTransaction::Owner::task, .task = 4};
    in_guest([&] {
        ASSERT_TRUE(store().begin(transaction).ok());
        EXPECT_TRUE(store().write("data/kept", "1", 1, transaction.id).ok());
    });
    ASSERT_TRUE(guest.cycle(HostAct::checkpoint));
    in_guest([&] {
        EXPECT_TRUE(store().end(transaction, true).ok());
        EXPECT_EQ(read("data/kept"), "1");
    });
}

TEST_F(StoreTest, AKernelTransactionKeepsTheGuestUp) {
    in_guest([this] {
        StoreTransaction transaction;
        ASSERT_TRUE(store().begin(transaction).ok());
        const Result<> closed = store().close(soon(50));
        EXPECT_EQ(closed.error().code, Errc::timed_out);
        EXPECT_FALSE(store().closed());
        EXPECT_TRUE(store().end(transaction, true).ok());
        EXPECT_TRUE(store().close(soon()).ok());
        EXPECT_TRUE(store().open(Outcome::aborted, DomainEvidence::unknown).ok());
    });
}

TEST_F(StoreTest, TheClosedGateHoldsRequestsAndRefusesToWait) {
    in_guest([this] {
        ASSERT_TRUE(store().close(soon()).ok());
        StoreRequest request;
        const char path[] = "name";
        request.type = XS_READ;
        request.head = path;
        request.head_size = sizeof(path);
        EXPECT_TRUE(store().submit(request).ok());
        store().pump();
        EXPECT_EQ(request.state, StoreRequest::State::held);
        EXPECT_EQ(store().users(), 0U);
        char value[8];
        EXPECT_EQ(store().read("name", value, sizeof(value)).error().code, Errc::busy);
        ASSERT_TRUE(store().open(Outcome::cancelled, DomainEvidence::unknown).ok());
        while (request.state != StoreRequest::State::done) {
            store().pump();
            wait_for_interrupt(guest.machine, soon());
        }
        EXPECT_EQ(request.error.code, Errc::none);
    });
}

TEST_F(StoreTest, AnAbandonedTaskIsOutsideAgain) {
    in_guest([this] {
        StoreTransaction transaction{.owner = StoreTransaction::Owner::kernel, .task = 9};
        ASSERT_TRUE(store().begin(transaction).ok());
        StoreRequest request;
        const char path[] = "name";
        request.type = XS_READ;
        request.task = 9;
        request.head = path;
        request.head_size = sizeof(path);
        EXPECT_TRUE(store().submit(request).ok());
        EXPECT_TRUE(store().inside(9));
        store().abandon(9);
        EXPECT_EQ(request.state, StoreRequest::State::idle);
        EXPECT_TRUE(store().close(soon()).ok());
        EXPECT_FALSE(store().inside(9));
        EXPECT_TRUE(store().open(Outcome::aborted, DomainEvidence::unknown).ok());
    });
    EXPECT_EQ(guest.machine.store->open_transactions(), 0U);
}

TEST_F(StoreTest, ADaemonThatBreaksTheRingFailsEveryoneAndHangsNobody) {
    in_guest([this] {
        const auto frame = static_cast<Gfn>(guest.machine.params.get(HVM_PARAM_STORE_PFN));
        auto& ring = *static_cast<xenstore_domain_interface*>(frame_address(guest.machine, frame));
        ring.rsp_prod = ring.rsp_cons + XENSTORE_RING_SIZE + 1;
        EXPECT_EQ(read("name"), "malformed");
        EXPECT_TRUE(store().broken());
        EXPECT_EQ(read("name"), "malformed");
        EXPECT_EQ(store().users(), 0U);
    });
    in_guest([this] { EXPECT_TRUE(store().close(soon()).ok()); });
}

}  // namespace
}  // namespace resume::test
