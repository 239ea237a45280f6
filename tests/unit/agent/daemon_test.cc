#include <errno.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>

#include "agent/act/clock.h"
#include "agent/act/coordinator.h"
#include "agent/act/disks.h"
#include "agent/daemon/host_request.h"
#include "agent/daemon/notify.h"
#include "agent/daemon/place.h"
#include "agent/daemon/server.h"
#include "temp_root.h"

namespace resume::agent {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(Varlink, TakesACallApart) {
    const auto call = parse_call(R"({"method":"a.b.C","parameters":{"x":1},"more":true,"y":[]})");
    ASSERT_TRUE(call);
    EXPECT_EQ(call->method, "a.b.C");
    EXPECT_TRUE(call->more);
    EXPECT_EQ(call->parameters["x"], 1);
}

TEST(Varlink, RefusesWhatIsNoCall) {
    for (const char* text : {"", "[]", "{}", R"({"method":1})", R"({"method":"a","parameters":[]})",
                             R"({"method":"a")"}) {
        EXPECT_FALSE(parse_call(text)) << text;
    }
    EXPECT_FALSE(parse_call(R"({"method":"a","parameters":)" + std::string(100'000, '[') + "}"));
    EXPECT_FALSE(parse_call("{\"method\":\"" + std::string(kMostVarlinkBytes, 'x') + "\"}"));
}

class ServerTest : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(make_folders(t.root("/run")), 0);
        ASSERT_EQ(server.listen(t.root("/run/s"), "libresume"), 0);
    }
    UniqueFd connect() {
        UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        t.root("/run/s").copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return fd;
    }
    void settle() {
        while (loop.step(std::chrono::milliseconds{0})) {
        }
    }
    TempRoot t;
    EventLoop loop;
    std::vector<std::string> calls;
    std::vector<uint64_t> gone;
    Server server{loop,
                  [this](const Peer& peer, const VarlinkCall& call) {
                      calls.push_back(call.method);
                      EXPECT_EQ(peer.pid, ::getpid());
                      server.send(peer.id, varlink_reply({{"ok", true}}));
                  },
                  [this](uint64_t peer) { gone.push_back(peer); }};
};

TEST_F(ServerTest, AnswersEachCallOfOneWrite) {
    const UniqueFd client = connect();
    const std::string two{"{\"method\":\"a.B\"}\0{\"method\":\"a.C\"}\0", 34};
    ASSERT_EQ(::write(client.get(), two.data(), two.size()), 34);
    settle();
    EXPECT_EQ(calls, (std::vector<std::string>{"a.B", "a.C"}));
    char buffer[200];
    EXPECT_GT(::recv(client.get(), buffer, sizeof buffer, MSG_DONTWAIT), 0);
}

TEST_F(ServerTest, DropsAClientThatSpeaksAnotherLanguage) {
    const UniqueFd client = connect();
    ASSERT_EQ(::write(client.get(), "GET /\0", 6), 6);
    settle();
    EXPECT_EQ(gone.size(), 1u);
    EXPECT_EQ(server.clients(), 0u);
}

TEST_F(ServerTest, DropsAClientThatNeverReads) {
    const UniqueFd client = connect();
    settle();
    const std::string event(60'000, 'x');
    int sent = 0;
    while (server.send(1, event) && sent < 1000) {
        ++sent;
    }
    EXPECT_LT(sent, 1000);
    EXPECT_EQ(server.clients(), 0u);
}

TEST_F(ServerTest, TwoHundredClientsAreServed) {
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 200; ++i) {
        clients.push_back(connect());
        settle();
    }
    EXPECT_EQ(server.clients(), 200u);
}

TEST(HostRequests, AreTakenAtTheirWord) {
    const auto prepare = parse_host_request("prepare xl-1 xen-suspend 30\n");
    EXPECT_EQ(prepare.verb, HostRequest::Verb::prepare);
    EXPECT_EQ(prepare.id, "xl-1");
    EXPECT_EQ(prepare.kind, "xen-suspend");
    EXPECT_EQ(prepare.ttl_s, 30u);
    EXPECT_EQ(parse_host_request("release xl-1").verb, HostRequest::Verb::release);
    for (const char* text : {"", "prepare", "prepare xl-1 reboot 30", "prepare xl-1 xen-suspend -1",
                             "prepare xl-1 xen-suspend 30 now", "release", "release a b"}) {
        EXPECT_EQ(parse_host_request(text).verb, HostRequest::Verb::none) << text;
    }
    EXPECT_EQ(parse_host_request("prepare xl-1 reboot 30").id, "xl-1");  // for the answer
}

TEST(Groups, AreFoundWithoutTheNameService) {
    TempRoot t;
    t.put("/group", "root:x:0:\nlibresume:x:123:a,b\nodd:x:\n");
    EXPECT_EQ(group_number(t.root("/group"), "libresume"), 123);
    EXPECT_EQ(group_number(t.root("/group"), "resume"), -1);
    EXPECT_EQ(group_number(t.root("/group"), "odd"), -1);
}

TEST(Place, Dom0AndContainersAreRefused) {
    TempRoot t;
    EXPECT_EQ(reason_to_refuse(t.root), "");
    t.put("/proc/1/environ", std::string{"PATH=/bin\0container=lxc\0", 24});
    EXPECT_NE(reason_to_refuse(t.root).find("lxc"), std::string::npos);
    t.put("/proc/xen/capabilities", "control_d\n");
    EXPECT_NE(reason_to_refuse(t.root).find("dom0"), std::string::npos);
}

TEST(Notify, WithoutAManagerThereIsNothingToDo) {
    ::unsetenv("NOTIFY_SOCKET");
    EXPECT_EQ(notify_manager("READY=1"), 0);
}

TEST(ClockDecision, StepsForwardOnlyWhenAskedTo) {
    using Act = ClockDecision::Act;
    Config config;
    EXPECT_EQ(decide_clock(config, 5 * kSecond, "").act, Act::report);
    config.clock_mode = "step";
    EXPECT_EQ(decide_clock(config, 5 * kSecond, "").act, Act::step);
    EXPECT_EQ(decide_clock(config, kSecond, "").act, Act::nothing);
    EXPECT_EQ(decide_clock(config, std::nullopt, "").act, Act::nothing);
    EXPECT_EQ(decide_clock(config, -5 * kSecond, "").act, Act::report);
    EXPECT_EQ(decide_clock(config, 5 * kSecond, "chronyd").act, Act::leave_to_daemon);
    config.clock_most_s = 4;
    EXPECT_EQ(decide_clock(config, 5 * kSecond, "").act, Act::report);
}

TEST(ClockDecision, FindsADaemonWhoseFolderIsClosed) {
    TempRoot t;
    t.put("/proc/1/comm", "systemd\n");
    EXPECT_EQ(running_time_daemon(t.root), "");
    t.put("/proc/acpi/comm", "chronyd\n");
    EXPECT_EQ(running_time_daemon(t.root), "");
    t.put("/proc/77/comm", "chronyd\n");
    EXPECT_EQ(running_time_daemon(t.root), "chronyd");
}

// A restored guest on a busy host: the agent stood still until systemd had started chronyc, longer
// than it takes links' words for those of the restore, and told a second one.
TEST(TimeDaemonTeller, DoesNotKeepTheAgentFromListening) {
    TempRoot t;
    const std::string program = t.root("/usr/bin/chronyc");
    const std::string gate = t.root("/gate");
    ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
    t.put("/usr/bin/chronyc",
          "#!/bin/sh\nread go < " + gate + "\n[ $go = on ] && echo $1 > " + t.root("/told") + "\n");
    ASSERT_EQ(::chmod(program.c_str(), 0755), 0);
    EventLoop loop;
    TimeDaemonTeller teller{loop, t.root, false};
    teller.tell("ntpd");
    EXPECT_FALSE(teller.busy());
    teller.tell("chronyd");
    ASSERT_TRUE(teller.busy());
    EXPECT_EQ(t.get("/told"), "");
    std::ofstream{gate} << "on\n";
    while (teller.busy()) {
        loop.step();
    }
    EXPECT_EQ(t.get("/told"), "makestep\n");
}

TEST(Disks, AreStuckWhenNothingInFlightCompletes) {
    const std::map<std::string, DiskCounters> before{{"xvda", {2, 100}}, {"xvdb", {1, 50}}};
    const std::map<std::string, DiskCounters> after{{"xvda", {2, 100}}, {"xvdb", {1, 51}}};
    EXPECT_EQ(stuck_disks(before, after), std::vector<std::string>{"xvda"});
}

/// Nodes of one guest.
class MapStore final : public GuestStore {
  public:
    StoreAnswer read(std::string_view path) override {
        const auto found = nodes.find(std::string{path});
        return found == nodes.end() ? StoreAnswer{.error = ENOENT}
                                    : StoreAnswer{.value = found->second};
    }
    StoreAnswer list(std::string_view path) override {
        const std::string folder = std::string{path} + "/";
        std::string names;
        for (const auto& [node, value] : nodes) {
            if (node.starts_with(folder)) {
                const std::string name =
                    node.substr(folder.size(), node.find('/', folder.size()) - folder.size());
                if (!names.ends_with(name + '\0')) {
                    names += name + '\0';
                }
            }
        }
        return {.value = names};
    }
    StoreAnswer write(std::string_view, std::string_view) override { return {}; }
    StoreAnswer remove(std::string_view) override { return {}; }
    StoreAnswer watch(std::string_view, std::string_view) override { return {}; }
    int reconnect() override { return 0; }
    std::optional<std::string> next_event() override { return std::nullopt; }
    [[nodiscard]] int fd() const override { return 0; }
    [[nodiscard]] SourceState state() const override { return {}; }

    std::map<std::string, std::string> nodes{};
};

// What a PVH guest's store said before and after vhci_hcd refused the freeze.
TEST(Frontends, ThatTookANewRingInTheSameDomainAreFound) {
    MapStore store;
    const std::string back = "/local/domain/0/backend/vbd/1/51744";
    store.nodes = {{"device/vbd/51744/state", "4"},
                   {"device/vbd/51744/backend", back},
                   {"device/vbd/51744/ring-ref", "657"},
                   {"device/vbd/51744/event-channel", "11"},
                   {"device/vbd/51744/protocol", "x86_64-abi"},
                   {"device/vif/0/state", "4"},
                   {"device/vif/0/backend", "/b"},
                   {"device/vif/0/queue-0/tx-ring-ref", "8"},
                   {back + "/state", "4"}};
    const auto before = read_frontends(store);
    EXPECT_EQ(before.at("vif/0").links.at("queue-0/tx-ring-ref"), "8");
    EXPECT_TRUE(unconnected(before).empty());
    store.nodes["device/vbd/51744/ring-ref"] = "659";
    const auto after = read_frontends(store);
    EXPECT_TRUE(unconnected(after).empty());  // both ends say Connected
    const auto found = relinked(before, after);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found.at("vbd/51744"), "ring-ref 657 -> 659");
    store.nodes[back + "/state"] = "2";
    EXPECT_EQ(unconnected(read_frontends(store)).front(), "vbd/51744: state 4, backend 2");
}

class DeadDiskTest : public ::testing::Test {
  protected:
    DeadDiskTest() {
        t.put("/sys/bus/xen/devices/vbd-51744/block/xvdc/x", "");
        t.put("/sys/block/xvdc/stat", "10 0 80 5 20 0 160 7 0 9 12\n");
        t.put("/sys/block/xvdc/device/x", "");
        store.nodes = {{"device/vbd/51744/state", "4"},
                       {"device/vbd/51744/backend", "/b"},
                       {"device/vbd/51744/event-channel", "11"},
                       {"/b/state", "4"}};
    }
    std::vector<oracle::ReportCheck> checks_after(const char* outcome) {
        Coordinator coordinator{loop, t.root("/run/announced")};
        DiskParticipant disks{coordinator.cycle(), loop, t.root, &store};
        coordinator.add(disks);
        store.nodes["device/vbd/51744/event-channel"] = "14";
        oracle::CycleReport report;
        report.kind = "xen-suspend";
        report.outcome = outcome;
        coordinator.run_after(std::move(report));
        coordinator.detach();
        return coordinator.cycle().report.checks;
    }
    TempRoot t;
    EventLoop loop;
    MapStore store;
};

TEST_F(DeadDiskTest, IsNamedAfterARefusal) {
    const auto checks = checks_after("aborted");
    const auto found = std::find_if(checks.begin(), checks.end(), [](const auto& check) {
        return check.id == "frontend:vbd/51744";
    });
    ASSERT_NE(found, checks.end());
    EXPECT_EQ(found->status, "failed");
    EXPECT_TRUE(found->detail.starts_with("xvdc is dead: event-channel 11 -> 14")) << found->detail;
}

TEST_F(DeadDiskTest, IsAliveInANewDomain) {
    for (const auto& check : checks_after("resumed")) {
        EXPECT_NE(check.status, "failed") << check.id;
    }
}

TEST(Disks, OnlyThoseWithADeviceBehindThemCount) {
    TempRoot t;
    t.put("/sys/block/vda/stat", "10 0 80 5 20 0 160 7 3 9 12 1 0 8 0 2 4\n");
    t.put("/sys/block/vda/device/x", "");
    t.put("/sys/block/loop0/stat", "1 1 1 1 1 1 1 1 1 1 1\n");
    const auto disks = read_disks(t.root);
    ASSERT_EQ(disks.size(), 1u);
    EXPECT_EQ(disks.at("vda").inflight, 3u);
    EXPECT_EQ(disks.at("vda").completed, 33u);
}

}  // namespace
}  // namespace resume::agent
