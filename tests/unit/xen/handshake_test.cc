// The guest's side of control/shutdown over a store that does what a test wants.
#include "xen/handshake/handshake.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "drivers/model/machine.h"

namespace resume::test {
namespace {

constexpr const char* kNode = "control/shutdown";

/// One connection's store in memory. Transactions are copies; `before_end` plays the toolstack that
/// writes in between.
class FakeStore {
  public:
    struct Transaction {
        uint32_t id = 0;
    };
    struct Watch {
        const char* path = nullptr;
        void (*fired)(void* argument, const char* where) noexcept = nullptr;
        void* argument = nullptr;
    };

    Result<uint32_t> read(const char* path, char* value, uint32_t capacity, uint32_t id) noexcept {
        ++calls;
        if (failing_read != Errc::none) {
            return failing_read;
        }
        const auto& from = id != 0 ? copy : nodes;
        const auto found = from.find(path);
        if (found == from.end()) {
            return Errc::not_found;
        }
        const std::string& text = found->second;
        for (uint32_t i = 0; i < capacity && i < text.size(); ++i) {
            value[i] = text[i];
        }
        return static_cast<uint32_t>(text.size());
    }
    Result<> write(const char* path, const char* value, uint32_t size, uint32_t id) noexcept {
        log += std::string{"write "} + path + "\n";
        if (denied.contains(path)) {
            return denied[path];
        }
        (id != 0 ? copy : nodes)[path] = std::string{value, size};
        return {};
    }
    Result<> begin(Transaction& transaction) noexcept {
        if (failing_begin != Errc::none) {
            return failing_begin;
        }
        transaction.id = ++open;
        copy = nodes;
        return {};
    }
    Result<> end(Transaction& transaction, bool commit) noexcept {
        transaction.id = 0;
        ++ends;
        if (before_end) {
            before_end();
        }
        if (!commit) {
            return {};
        }
        if (torn > 0) {
            --torn;
            return Errc::again;
        }
        nodes = copy;
        return {};
    }
    Result<> watch(Watch& watch) noexcept {
        log += "watch\n";
        if (failing_watch != Errc::none) {
            return failing_watch;
        }
        registered = &watch;
        fire();
        return {};
    }
    Result<> unwatch(Watch& watch) noexcept {
        forget(watch);
        return {};
    }
    void forget(Watch&) noexcept { registered = nullptr; }
    void fire() {
        if (registered != nullptr) {
            registered->fired(registered->argument, kNode);
        }
    }

    std::map<std::string, std::string> nodes{{kNode, ""}};
    std::map<std::string, std::string> copy;
    std::map<std::string, Errc> denied;
    std::function<void()> before_end;
    Watch* registered = nullptr;
    std::string log;
    Errc failing_read = Errc::none;
    Errc failing_begin = Errc::none;
    Errc failing_watch = Errc::none;
    uint32_t open = 0;
    uint32_t ends = 0;
    uint32_t calls = 0;
    int torn = 0;
};

class HandshakeTest : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(handshake.start().ok());
        EXPECT_EQ(poll(), ShutdownWord::none);
    }
    ShutdownWord poll() {
        const auto request = handshake.poll();
        last = request.ok() ? Errc::none : request.error().code;
        if (!request.ok()) {
            return ShutdownWord::none;
        }
        deadline = request.value().deadline - request.value().acked;
        return request.value().word;
    }
    size_t traced(EventKind kind, std::optional<uint32_t> a = {}) const {
        size_t count = 0;
        for (uint32_t i = 0; i < machine.trace.size(); ++i) {
            const TraceEvent& event = machine.trace.at(i);
            count += event.kind == kind && (!a || event.arg32 == *a) ? 1 : 0;
        }
        return count;
    }
    static constexpr uint32_t reason(RequestIgnored why) { return static_cast<uint32_t>(why); }

    Machine machine;
    FakeStore store;
    Handshake<FakeStore> handshake{machine, store, {}};
    Errc last = Errc::none;
    Ticks deadline = 0;
};

TEST_F(HandshakeTest, AnnouncesOnlyAfterTheWatchAndOnlyWhatItHandles) {
    EXPECT_EQ(store.log, "watch\nwrite control/feature-suspend\n");
    EXPECT_EQ(store.nodes["control/feature-suspend"], "1");
    EXPECT_EQ(traced(EventKind::feature_written, 1), 1U);
}

TEST_F(HandshakeTest, AcksARequestOnceWithABudget) {
    store.nodes[kNode] = "suspend";
    store.fire();
    EXPECT_TRUE(handshake.fired());
    EXPECT_EQ(poll(), ShutdownWord::suspend);
    EXPECT_EQ(store.nodes[kNode], "");
    EXPECT_EQ(deadline / counter_hz(machine), 45U);
    EXPECT_TRUE(handshake.busy());
    EXPECT_EQ(traced(EventKind::request_acked), 1U);
    ASSERT_TRUE(handshake.finished(Outcome::cancelled).ok());
    EXPECT_EQ(poll(), ShutdownWord::none);
    EXPECT_EQ(traced(EventKind::request_acked), 1U);
}

TEST_F(HandshakeTest, AnEmptyOrMissingNodeIsNoRequest) {
    EXPECT_EQ(poll(), ShutdownWord::none);
    EXPECT_GE(traced(EventKind::request_ignored, reason(RequestIgnored::empty)), 1U);
    store.nodes.erase(kNode);
    EXPECT_EQ(poll(), ShutdownWord::none);
    EXPECT_EQ(last, Errc::none);
    EXPECT_EQ(traced(EventKind::request_ignored, reason(RequestIgnored::missing)), 1U);
    EXPECT_FALSE(store.nodes.contains(kNode));
}

TEST_F(HandshakeTest, LeavesWordsItDoesNotHandle) {
    for (const char* word :
         {"poweroff", "crash", "suspend ", "suspendsuspendsuspend", "Suspend", "suspen", "halt"}) {
        store.nodes[kNode] = word;
        EXPECT_EQ(poll(), ShutdownWord::none) << word;
        EXPECT_EQ(store.nodes[kNode], word);
    }
    EXPECT_EQ(traced(EventKind::request_acked), 0U);
}

TEST_F(HandshakeTest, ATornAckIsRepeatedFromTheRead) {
    store.nodes[kNode] = "suspend";
    store.torn = 3;
    EXPECT_EQ(poll(), ShutdownWord::suspend);
    EXPECT_EQ(store.open, store.ends);
    EXPECT_EQ(traced(EventKind::request_acked), 1U);
}

TEST_F(HandshakeTest, AToolstackThatGivesUpInBetweenIsNotObeyed) {
    store.nodes[kNode] = "suspend";
    store.torn = 1;
    store.before_end = [this] { store.nodes[kNode] = ""; };
    EXPECT_EQ(poll(), ShutdownWord::none);
    EXPECT_EQ(traced(EventKind::request_acked), 0U);
    EXPECT_FALSE(handshake.busy());
}

TEST_F(HandshakeTest, TornForEverIsAnErrorAndNoAck) {
    store.nodes[kNode] = "suspend";
    store.torn = 1'000'000;
    EXPECT_EQ(poll(), ShutdownWord::none);
    EXPECT_EQ(last, Errc::again);
    EXPECT_TRUE(handshake.fired()) << "to be looked at again";
    EXPECT_EQ(traced(EventKind::request_ignored, reason(RequestIgnored::torn)), 1U);
}

TEST_F(HandshakeTest, ErrorsOfTheStoreAreNoAck) {
    store.nodes[kNode] = "suspend";
    store.failing_read = Errc::io;
    EXPECT_EQ(poll(), ShutdownWord::none);
    EXPECT_EQ(last, Errc::io);
    store.failing_read = Errc::none;
    store.failing_begin = Errc::no_space;
    EXPECT_EQ(poll(), ShutdownWord::none);
    EXPECT_EQ(last, Errc::no_space);
    store.failing_begin = Errc::none;
    store.denied[kNode] = Errc::denied;
    EXPECT_EQ(poll(), ShutdownWord::none);
    EXPECT_EQ(last, Errc::denied);
    EXPECT_EQ(traced(EventKind::request_acked), 0U);
    EXPECT_EQ(store.open, store.ends);
}

TEST_F(HandshakeTest, ASecondRequestInMidCycleWaitsForItsEnd) {
    store.nodes[kNode] = "suspend";
    EXPECT_EQ(poll(), ShutdownWord::suspend);
    store.nodes[kNode] = "suspend";
    store.fire();
    EXPECT_EQ(poll(), ShutdownWord::none);
    EXPECT_EQ(store.nodes[kNode], "suspend");
    EXPECT_EQ(traced(EventKind::request_ignored, reason(RequestIgnored::busy)), 1U);
    ASSERT_TRUE(handshake.finished(Outcome::cancelled).ok());
    EXPECT_TRUE(handshake.fired());
    EXPECT_EQ(poll(), ShutdownWord::suspend);
}

TEST_F(HandshakeTest, AnnouncesAgainAfterAResumeOnly) {
    for (const auto& [outcome, writes] :
         {std::pair{Outcome::resumed, 2U}, std::pair{Outcome::cancelled, 2U},
          std::pair{Outcome::aborted, 2U}}) {
        store.nodes[kNode] = "suspend";
        EXPECT_EQ(poll(), ShutdownWord::suspend);
        ASSERT_TRUE(handshake.finished(outcome).ok());
        EXPECT_EQ(traced(EventKind::feature_written, 1), writes) << name_of(outcome);
    }
}

TEST_F(HandshakeTest, AFeatureThatMayNotBeWrittenIsNoError) {
    store.denied["control/feature-suspend"] = Errc::denied;
    EXPECT_TRUE(handshake.finished(Outcome::resumed).ok());
    EXPECT_EQ(traced(EventKind::feature_written, 1), 1U);
    store.denied["control/feature-suspend"] = Errc::io;
    EXPECT_EQ(handshake.finished(Outcome::resumed).error().code, Errc::io);
}

TEST(HandshakeStartTest, WithoutAWatchNothingIsAnnounced) {
    Machine machine;
    FakeStore store;
    store.failing_watch = Errc::no_space;
    Handshake<FakeStore> handshake{machine, store, {}};
    EXPECT_EQ(handshake.start().error().code, Errc::no_space);
    EXPECT_FALSE(store.nodes.contains("control/feature-suspend"));
}

TEST(HandshakeStartTest, AckOnlyAcksAndDoesNothing) {
    Machine machine;
    FakeStore store;
    Handshake<FakeStore> handshake{machine, store, {.ack_only = true}};
    ASSERT_TRUE(handshake.start().ok());
    store.nodes[kNode] = "suspend";
    EXPECT_EQ(handshake.poll().value().word, ShutdownWord::none);
    EXPECT_EQ(store.nodes[kNode], "");
}

TEST(ShutdownWordTest, WordsAreWholeAndExact) {
    EXPECT_EQ(parse_shutdown_word("suspend", 7), ShutdownWord::suspend);
    EXPECT_EQ(parse_shutdown_word("reboot", 6), ShutdownWord::reboot);
    EXPECT_EQ(parse_shutdown_word("suspend", 6), ShutdownWord::none);
    EXPECT_EQ(parse_shutdown_word("suspend\0", 8), ShutdownWord::none);
    EXPECT_EQ(parse_shutdown_word("?", 1), ShutdownWord::none);
    EXPECT_EQ(parse_shutdown_word("", 0), ShutdownWord::none);
    EXPECT_EQ(feature_node(ShutdownWord::halt), nullptr);
}

}  // namespace
}  // namespace resume::test
