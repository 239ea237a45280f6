// `resume-stress real --method xen` on a real xenstored, with hypercalls that are made up: what
// they do to a guest, the guest itself and its backends are in here. xen_test.py starts the daemon.
#include "tests/stress/real/xen/driver.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/stress/real/campaign.h"
#include "tests/stress/real/xen/domain.h"

extern "C" {
#include <xenstore.h>
}

namespace resume::stress::real {
namespace {

constexpr const char* kGuest = "/local/domain/7/";
constexpr const char* kDisk = "/local/domain/0/backend/vbd/7/51712";

class Store {
  public:
    Store() : xs_{xs_open(0)} {
        if (xs_ == nullptr) {
            throw errno_error("xs_open");
        }
    }
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    ~Store() { xs_close(xs_); }

    void write(const std::string& path, const std::string& value) const {
        xs_write(xs_, XBT_NULL, path.c_str(), value.data(), static_cast<unsigned>(value.size()));
    }
    std::string read(const std::string& path) const {
        unsigned length = 0;
        void* value = xs_read(xs_, XBT_NULL, path.c_str(), &length);
        const std::string text{static_cast<const char*>(value), value != nullptr ? length : 0};
        std::free(value);
        return text;
    }
    void remove(const std::string& path) const { xs_rm(xs_, XBT_NULL, path.c_str()); }

  private:
    xs_handle* xs_;
};

/// The disk's backend follows its frontend as blkback does.
class Backend {
  public:
    Backend() : thread_{[this] { follow(); }} {}
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;
    ~Backend() {
        end_ = true;
        thread_.join();
    }

  private:
    void follow() {
        const Store store;
        std::string last;
        while (!end_) {
            const std::string front = store.read(std::string{kGuest} + "device/vbd/51712/state");
            if (front != last && !front.empty()) {
                store.write(std::string{kDisk} + "/state", front == "1" ? "2" : front);
                last = front;
            }
            std::this_thread::yield();
        }
    }

    std::atomic<bool> end_{false};
    std::thread thread_;
};

/// How the guest answers a request.
enum class Mood : uint8_t { willing, refuses, deaf, dies };

struct Fake {
    Store store;
    Mood mood = Mood::willing;
    std::string lie;  ///< outcome that its agent tells instead; "-": none
    bool hvm = true;
    bool suspended = false, crashed = false;
    int reports = 0;
    std::vector<std::string> calls;

    void create(const std::string& id = "7") const {
        const std::string guest = "/local/domain/" + id + "/";
        store.write(guest + "name", "victim");
        store.write(guest + "control/shutdown", "");
        store.write(guest + "console/port", "2");
        store.write(guest + "device/suspend/event-channel", "");
        store.write(guest + "device/vbd/51712/backend", kDisk);
        store.write(guest + "device/vbd/51712/state", "4");
        store.write(guest + "data/resume/version", "1 0.1.0");
        store.write(guest + "data/resume/stress-ok", "1");
        store.write(std::string{kDisk} + "/state", "4");
    }
    void tell(const std::string& outcome, const std::string& more = "") {
        const std::string said = lie.empty() ? outcome : lie;
        if (said != "-") {
            store.write(std::string{kGuest} + "data/resume/last",
                        R"({"id":"boot-)" + std::to_string(++reports) +
                            R"(","kind":"xen-suspend","outcome":")" + said + "\"" + more + "}");
        }
    }
};

class FakeXen final : public Hypercalls {
  public:
    explicit FakeXen(Fake& fake) : fake_{fake} {}

    /// Looked at all the time while somebody waits: the guest's chance to go on.
    DomainState state(uint32_t) override {
        const std::string node = std::string{kGuest} + "control/shutdown";
        if (!fake_.suspended && fake_.mood != Mood::deaf && fake_.store.read(node) == "suspend") {
            fake_.store.write(node, "");
            if (fake_.mood == Mood::refuses) {
                fake_.tell("aborted",
                           R"(,"cause":{"device":"vhci_hcd.0","errno":16,"errno_name":"EBUSY"})");
            } else {
                fake_.suspended = true;
            }
        }
        return fake_.crashed     ? DomainState::crashed
               : fake_.suspended ? DomainState::suspended
                                 : DomainState::running;
    }
    bool is_hvm(uint32_t) override { return fake_.hvm; }
    void resume(uint32_t, bool fast) override {
        fake_.calls.emplace_back(fast ? "fast" : "slow");
        fake_.suspended = false;
        fake_.crashed = fake_.mood == Mood::dies;
        fake_.tell("cancelled");
    }
    void pause(uint32_t) override { fake_.calls.emplace_back("pause"); }
    void soft_reset(uint32_t) override {
        fake_.calls.emplace_back("reset at " + fake_.store.read(std::string{kDisk} + "/state"));
    }
    uint32_t renew_channels(uint32_t) override {
        fake_.calls.emplace_back("channels");
        return 2;
    }
    void tell_store_resumed(uint32_t) override { fake_.calls.emplace_back("told"); }
    void unpause(uint32_t) override {
        fake_.calls.emplace_back("unpause");
        fake_.suspended = false;
        fake_.store.write(std::string{kGuest} + "device/vbd/51712/state", "4");
        fake_.tell("resumed");
    }

  private:
    Fake& fake_;
};

class XenDriver : public testing::Test {
  protected:
    XenDriver() {
        folder_ = std::filesystem::path{testing::TempDir()} / "xen-XXXXXX";
        std::string name = folder_.string();
        folder_ = ::mkdtemp(name.data());
        options_.method = Method::xen;
        options_.domain = "victim";
        options_.cycles = 1;
        options_.mix = {{.act = Act::fast}};
        options_.asleep_ms = options_.awake_ms = {0, 0};
        options_.memory_mib = 0;
        options_.patience = std::chrono::seconds{20};
        options_.state_file = folder_ / "state";
        fake_.store.remove("/local/domain");
        fake_.create();
    }
    ~XenDriver() override { std::filesystem::remove_all(folder_); }

    State run() {
        const std::atomic<bool> stop{false};
        return run_campaign(
            options_, xen_driver(options_, [this] { return std::make_unique<FakeXen>(fake_); }),
            stop, out_);
    }
    std::string refusal() {
        try {
            run();
        } catch (const NotAvailable& error) {
            return error.what();
        }
        return "";
    }
    /// A toolstack whose save forgets the domain, and whose restore has it again as domain 9.
    void install_xl() {
        std::ofstream{folder_ / "xl"} << R"(#!/bin/sh
case $1 in
save) [ "$2" = victim ] && cp /dev/null "$3" && xenstore-rm /local/domain/7 ;;
restore)
    guest=/local/domain/9
    xenstore-write $guest/name victim $guest/control/shutdown "" $guest/data/resume/version x \
        $guest/data/resume/last '{"id":"after","kind":"xen-suspend","outcome":"resumed"}' ;;
esac
)";
        ::chmod((folder_ / "xl").c_str(), 0755);
        ::setenv("PATH", (folder_.string() + ":" + std::getenv("PATH")).c_str(), 1);
    }

    std::filesystem::path folder_;
    Fake fake_;
    Options options_;
    std::ostringstream out_;
};

// A guest may write there what it likes.
TEST(AgentReport, IsTakenForNoMoreThanItIs) {
    for (const char* const text : {"", "{", "[]", "7", "{}", R"({"id":7})", R"({"id":null})",
                                   R"({"id":""})", R"({"id":{"id":"x"}})"}) {
        EXPECT_FALSE(report_from(text)) << text;
    }
    const auto report =
        report_from(R"({"id":"a","kind":7,"outcome":[],"cause":{"errno":"x","task":9}})");
    ASSERT_TRUE(report);
    EXPECT_EQ(report->kind + report->outcome + report->cause, "");
    EXPECT_EQ(report->error, 0);
}

TEST_F(XenDriver, FastAndInPlaceAreMixedAndTheAgentAgrees) {
    const Backend backend;
    options_.cycles = 40;
    options_.mix = {{.act = Act::fast, .weight = 3}, {.act = Act::inplace}};
    const State state = run();
    EXPECT_TRUE(state.failures.empty()) << out_.str();
    EXPECT_EQ(state.reported, 40U);
    EXPECT_GT(state.outcomes.at("fast cancelled"), state.outcomes.at("inplace resumed"));
    EXPECT_EQ(state.outcomes.at("fast cancelled") + state.outcomes.at("inplace resumed"), 40U);
}

TEST_F(XenDriver, InPlaceClosesTheBackendsBeforeItResetsAndTellsTheStoreBeforeTheGuestRuns) {
    const Backend backend;
    options_.mix = {{.act = Act::inplace}};
    run();
    EXPECT_EQ(fake_.calls, (std::vector<std::string>{"fast", "told", "pause", "reset at 2",
                                                     "channels", "told", "unpause"}));
    EXPECT_EQ(fake_.store.read(std::string{kGuest} + "console/port"), "2");
}

TEST_F(XenDriver, AnAgentThatSaysOtherwiseIsAFailure) {
    fake_.lie = "resumed";
    const State state = run();
    ASSERT_EQ(state.failures.size(), 1U);
    EXPECT_NE(state.failures[0].what.find("the agent says xen-suspend resumed"), std::string::npos);
}

TEST_F(XenDriver, AReportOfBeforeIsNotTakenForANewOne) {
    fake_.store.remove(std::string{kGuest} + "data/resume/version");  // or it would be waited for
    fake_.tell("resumed");
    fake_.lie = "-";
    const State state = run();
    EXPECT_TRUE(state.failures.empty()) << out_.str();
    EXPECT_EQ(state.reported, 0U);
}

TEST_F(XenDriver, ARefusalIsToldWithItsCauseAtOnce) {
    options_.mix = {{.act = Act::fast}};
    const std::atomic<bool> stop{false};
    auto driver = xen_driver(options_, [this] { return std::make_unique<FakeXen>(fake_); });
    State state;
    driver->prepare(state);
    fake_.mood = Mood::refuses;
    const CycleResult result = driver->cycle({.number = 1});
    EXPECT_EQ(result.outcome, "aborted");
    EXPECT_EQ(result.error, 16);
    EXPECT_EQ(result.problem, "the guest refused: device vhci_hcd.0, errno_name EBUSY");
    EXPECT_FALSE(result.needs_reset);
}

TEST_F(XenDriver, ARequestThatNobodyTakesIsTakenBack) {
    options_.patience = std::chrono::milliseconds{1};
    fake_.mood = Mood::deaf;
    EXPECT_NE(refusal().find("it has not taken the request"), std::string::npos);
    EXPECT_EQ(fake_.store.read(std::string{kGuest} + "control/shutdown"), "");
}

TEST_F(XenDriver, NothingIsDoneToAGuestThatHasNotAgreed) {
    fake_.store.write(std::string{kGuest} + "data/resume/stress-ok", "0");
    EXPECT_NE(refusal().find("has not said that it may be broken"), std::string::npos);
    fake_.store.remove(std::string{kGuest} + "data/resume/stress-ok");
    EXPECT_NE(refusal().find("has not said that it may be broken"), std::string::npos);
    EXPECT_TRUE(fake_.calls.empty());
}

TEST_F(XenDriver, NeitherNobodyNorTheHostItself) {
    options_.domain = "nobody";
    EXPECT_EQ(refusal(), "nobody is not on this host");
    fake_.store.write("/local/domain/0/name", "Domain-0");
    options_.domain = "0";
    EXPECT_EQ(refusal(), "domain 0 is this host itself");
}

TEST_F(XenDriver, InPlaceIsRefusedWhereItCannotWork) {
    options_.mix = {{.act = Act::inplace}};
    fake_.store.write(std::string{kGuest} + "device/pci/0/state", "4");
    EXPECT_NE(refusal().find("a device of kind pci"), std::string::npos);
    fake_.hvm = false;
    EXPECT_NE(refusal().find("a PV domain"), std::string::npos);
}

TEST_F(XenDriver, ARestoredGuestIsFoundByItsNameAndItsAgentInItsNewDomain) {
    install_xl();
    options_.mix = {{.act = Act::restore}};
    options_.domain = "7";
    const State state = run();
    EXPECT_TRUE(state.failures.empty()) << out_.str() << state.failures[0].what;
    EXPECT_EQ(state.outcomes.at("restore resumed"), 1U);
    EXPECT_EQ(state.reported, 1U);
    EXPECT_FALSE(std::filesystem::exists(options_.state_file + ".image"));
}

TEST_F(XenDriver, AGuestThatAKilledRunHasSavedIsRestored) {
    install_xl();
    fake_.store.remove("/local/domain/7");
    std::ofstream{options_.state_file + ".image"} << "memory";
    EXPECT_NE(refusal().find("has not said"), std::string::npos);  // restored, it says so anew
    EXPECT_EQ(fake_.store.read("/local/domain/9/name"), "victim");
}

TEST_F(XenDriver, ACrashedGuestIsResetAndHasToAgreeAgain) {
    auto driver = xen_driver(options_, [this] { return std::make_unique<FakeXen>(fake_); });
    options_.reset_command = "xenstore-write /local/domain/7/data/resume/stress-ok 1";
    State state;
    driver->prepare(state);
    fake_.mood = Mood::dies;
    const CycleResult result = driver->cycle({.number = 1});
    EXPECT_EQ(result.problem, "after it the domain is crashed");
    ASSERT_TRUE(result.needs_reset);
    fake_.store.remove(std::string{kGuest} + "data/resume/stress-ok");
    EXPECT_EQ(driver->reset(), "");
    options_.reset_command = "xenstore-rm /local/domain/7/data/resume/stress-ok";
    options_.patience = std::chrono::milliseconds{500};
    EXPECT_NE(driver->reset().find("has not set data/resume/stress-ok"), std::string::npos);
}

}  // namespace
}  // namespace resume::stress::real
