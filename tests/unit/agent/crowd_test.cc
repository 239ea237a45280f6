// Two hundred clients at the agent's real socket: some answer, some are stuck, some are gone. The
// cycle goes on at the agent's own deadline, and those that were late are named.
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>

#include "agent/act/clients.h"
#include "agent/act/coordinator.h"
#include "agent/daemon/service.h"
#include "temp_root.h"

namespace resume::agent {
namespace {

constexpr int kClients = 200;
enum class Habit { answers, is_stuck, leaves_early, leaves_when_asked };
constexpr Habit habit_of(int number) {
    return static_cast<Habit>(number % 4);
}

class CrowdTest : public ::testing::Test {
  protected:
    void SetUp() override {
        coordinator.add(clients);
        service.use(clients);
        ASSERT_EQ(make_folders(t.root("/run")), 0);
        ASSERT_EQ(service.listen(t.root("/run/s")), 0);
        for (int i = 0; i < kClients; ++i) {
            connect(i);
        }
        settle();
    }
    void TearDown() override {
        for (const auto& fd : ends) {
            loop.unwatch(fd.get());
        }
        coordinator.detach();
    }

    void settle() {
        while (loop.step(std::chrono::milliseconds{0})) {
        }
    }
    void say(int number, const std::string& text) {
        const std::string message = text + '\0';
        ASSERT_EQ(::write(ends[static_cast<size_t>(number)].get(), message.data(), message.size()),
                  static_cast<ssize_t>(message.size()));
    }
    void connect(int number) {
        UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        t.root("/run/s").copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ends.push_back(std::move(fd));
        say(number,
            R"({"method":"io.libresume.Agent1.Subscribe","more":true,"parameters":{"label":"c)" +
                std::to_string(number) + R"("}})");
        settle();
        const int end = ends.back().get();
        if (habit_of(number) == Habit::answers || habit_of(number) == Habit::leaves_when_asked) {
            loop.watch(end, EPOLLIN, [this, number](uint32_t) { hear(number); });
        }
    }
    void leave(int number) {
        auto& end = ends[static_cast<size_t>(number)];
        loop.unwatch(end.get());
        end.reset();
    }
    /// A whole event in one read: they are short, and ours alone.
    void hear(int number) {
        std::array<char, 65536> chunk{};
        const ssize_t count =
            ::read(ends[static_cast<size_t>(number)].get(), chunk.data(), chunk.size());
        const std::string text(chunk.data(), count > 0 ? static_cast<size_t>(count) : 0);
        heard_after += text.find("\"event\":\"after\"") != std::string::npos ? 1 : 0;
        const size_t before = text.find("\"event\":\"before\"");
        if (before == std::string::npos) {
            return;
        }
        if (habit_of(number) == Habit::leaves_when_asked) {
            leave(number);
            return;
        }
        const size_t token = text.find("\"token\":\"") + 9;
        say(number,
            R"({"method":"io.libresume.Agent1.Answer","parameters":{"answer":"ready","token":")" +
                text.substr(token, text.find('"', token) - token) + "\"}}");
    }

    TempRoot t;
    EventLoop loop;
    Coordinator coordinator{loop, t.root("/announced")};
    Service service{loop, {}};
    Clients clients{coordinator.cycle(), loop,
                    [this](uint64_t peer, const nlohmann::json& event) {
                        return service.send_event(peer, event);
                    },
                    std::chrono::milliseconds{200}};
    std::vector<UniqueFd> ends;
    int heard_after = 0;
};

TEST_F(CrowdTest, TheCycleGoesOnAndTheLateAreNamed) {
    for (int i = 0; i < kClients; ++i) {
        if (habit_of(i) == Habit::leaves_early) {
            leave(i);
        }
    }
    bool was_ready = false;
    std::vector<std::string> late;
    Coordinator::Announcement announcement{.id = "a", .kind = "s3"};
    announcement.answer = [&](bool ready, const std::string&) {
        was_ready = ready;
        late = coordinator.cycle().late;
        oracle::CycleReport report;
        report.kind = "s3";
        report.outcome = "resumed";
        coordinator.deliver(report);
    };
    coordinator.run(std::move(announcement));
    settle();
    EXPECT_TRUE(was_ready);
    ASSERT_EQ(late.size(), static_cast<size_t>(kClients) / 4);
    for (int i = 0; i < kClients; ++i) {
        const std::string label = "c" + std::to_string(i) + " (pid ";
        const bool named = std::any_of(late.begin(), late.end(), [&](const std::string& name) {
            return name.starts_with(label);
        });
        EXPECT_EQ(named, habit_of(i) == Habit::is_stuck) << label;
    }
    EXPECT_EQ(heard_after, kClients / 4);
    EXPECT_EQ(service.connections(), static_cast<size_t>(kClients) / 2);
}

}  // namespace
}  // namespace resume::agent
