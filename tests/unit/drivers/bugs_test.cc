// Each bug that a driver can have: the switch restores what its report tells, and the oracle (or
// the death that the report describes) shows it. Without the switch the same cycles are clean
// (cycle_test.cc).
#include "tests/conformance/model_guest.h"
#include "tests/conformance/saboteur.h"

namespace resume::test {
using conformance::GuestOptions;
using conformance::ModelGuest;
namespace {

using model::GuestEnd;
using model::HostAct;

/// Cycles with one bug on; stops when the guest does.
std::unique_ptr<ModelGuest> with_bug(Bug bug, std::initializer_list<HostAct> acts,
                                     GuestOptions options = {}) {
    options.guest.bugs = options.guest.bugs.with(bug);
    auto guest = std::make_unique<ModelGuest>(options);
    EXPECT_EQ(guest->boot().end, GuestEnd::returned) << guest->last.reason;
    for (const HostAct act : acts) {
        if (guest->machine.alive()) {
            (void)guest->cycle(act);
        }
    }
    return guest;
}

bool has(const ModelGuest& guest, const char* id) {
    return guest.verdict().has(id);
}

model::HostConfig younger_host() {
    model::HostConfig host;
    host.uptime = 2 * model::kSecond;
    return host;
}

TEST(BugTest, CancelTakenForAResumeRegistersTwice) {
    const auto guest = with_bug(Bug::cancel_as_resume, {HostAct::migrate_fails_late});
    EXPECT_TRUE(has(*guest, "L6")) << guest->complaints();
    EXPECT_EQ(guest->last.end, GuestEnd::panicked) << guest->last.reason;
}

/// An ordinary device that looks at the clock when it is resumed.
class ClockUser final : public Device {
  public:
    explicit ClockUser(Timekeeping& time) noexcept;

  private:
    Progress suspend(ThreadContext&) noexcept { return Progress::done(); }
    Progress resume(ThreadContext&, Outcome) noexcept {
        (void)time_.monotonic();
        return Progress::done();
    }
    static const DriverOps kOps;
    Timekeeping& time_;
};
constexpr DriverOps ClockUser::kOps = {
    .driver = "clock_user",
    .suspend = thread_down<&ClockUser::suspend>,
    .resume = thread_up<&ClockUser::resume>,
};

ClockUser::ClockUser(Timekeeping& time) noexcept : Device{kOps, "clock_user"}, time_{time} {}

TEST(BugTest, TimerAfterDevicesIsUsedTooEarly) {
    for (const bool broken : {false, true}) {
        GuestOptions options;
        options.machine.hosts = {model::HostConfig{}, younger_host()};
        options.guest.bugs = broken ? Bugs{Bug::timer_after_devices} : Bugs{};
        ModelGuest guest{options};
        ClockUser user{guest.guest.time()};
        ASSERT_EQ(guest.boot().end, GuestEnd::returned);
        ASSERT_TRUE(guest.guest.add(user).ok());
        ASSERT_TRUE(guest.cycle(HostAct::migrate));
        EXPECT_EQ(has(guest, "L13"), broken) << guest.complaints();
        ASSERT_TRUE(guest.guest.remove(user).ok());
    }
}

TEST(BugTest, GateAllocatedAtResumeFaults) {
    const auto guest = with_bug(Bug::gate_at_resume, {HostAct::save_restore});
    EXPECT_EQ(guest->last.end, GuestEnd::crashed) << guest->last.reason;
    EXPECT_TRUE(has(*guest, "L10")) << guest->complaints();
}

TEST(BugTest, GateAllocatedAtResumeWithoutExceptionGatesRebootsSilently) {
    GuestOptions options;
    options.machine.exception_gates = false;
    const auto guest = with_bug(Bug::gate_at_resume, {HostAct::save_restore}, options);
    EXPECT_EQ(guest->last.end, GuestEnd::rebooted) << guest->last.reason;
}

TEST(BugTest, MaskedIpisHangTheSecondVcpu) {
    GuestOptions options;
    options.machine.vcpus = 2;
    const auto guest = with_bug(Bug::ipi_masked, {HostAct::save_restore}, options);
    EXPECT_TRUE(guest->last.end != GuestEnd::returned || guest->verdict().violated())
        << guest->complaints();
}

TEST(BugTest, RunstateFoldedOnCancel) {
    const auto guest = with_bug(Bug::runstate_twice, {HostAct::checkpoint});
    EXPECT_TRUE(has(*guest, "L14")) << guest->complaints();
}

TEST(BugTest, OffsetKeptMakesTheClockGoBack) {
    GuestOptions options;
    options.machine.hosts = {model::HostConfig{}, younger_host()};
    const auto guest = with_bug(Bug::clock_offset_kept, {HostAct::migrate}, options);
    EXPECT_TRUE(has(*guest, "L13")) << guest->complaints();
}

TEST(BugTest, GuardKeptMakesTheClockStandStill) {
    GuestOptions options;
    options.machine.hosts = {model::HostConfig{}, younger_host()};
    const auto guest = with_bug(Bug::clock_guard_kept, {HostAct::migrate}, options);
    ASSERT_TRUE(guest->machine.alive());
    Nanoseconds first = 0;
    Nanoseconds later = 0;
    guest->run([&] { first = guest->guest.time().monotonic(); });
    guest->idle(model::kSecond);
    guest->run([&] { later = guest->guest.time().monotonic(); });
    EXPECT_EQ(first, later) << "for as long as the new host is younger than the old one";
}

TEST(BugTest, ConsoleChannelNotReadAgain) {
    const auto guest = with_bug(Bug::stale_console_port, {HostAct::save_restore});
    EXPECT_TRUE(has(*guest, "L11")) << guest->complaints();
    EXPECT_EQ(guest->guest.console().port(), 0U);
}

TEST(BugTest, NotifyOnAStaleChannelIsFatal) {
    GuestOptions options;
    options.guest.bugs = Bugs{}.with(Bug::stale_console_port);
    const auto guest = with_bug(Bug::notify_stale, {HostAct::save_restore}, options);
    ASSERT_TRUE(guest->machine.alive());
    guest->run([&] { guest->guest.console().write("x", 1); });
    EXPECT_EQ(guest->last.end, GuestEnd::panicked) << guest->last.reason;
}

TEST(BugTest, ZeroTakenAsProofOfANewDomainPanics) {
    const auto guest = with_bug(Bug::resumed_is_new, {HostAct::slow});
    EXPECT_EQ(guest->last.end, GuestEnd::panicked) << guest->last.reason;
}

TEST(BugTest, ForgottenWatchesPassOnceAndFailTheSecondSave) {
    const auto guest = with_bug(Bug::no_rewatch, {HostAct::save_restore, HostAct::save_restore});
    EXPECT_EQ(guest->cycles, 1U);
    EXPECT_TRUE(has(*guest, "L5")) << guest->complaints();
    EXPECT_FALSE(guest->machine.toolstack.errands().back().succeeded);
}

TEST(BugTest, ClockReadBeforeTheRemapSpins) {
    const auto guest = with_bug(Bug::clock_before_remap, {HostAct::save_restore});
    EXPECT_NE(guest->last.end, GuestEnd::returned);
    EXPECT_TRUE(has(*guest, "L13")) << guest->complaints();
}

TEST(BugTest, WithoutTheHypercallPageTheWallClockReadsNothing) {
    const auto guest = with_bug(Bug::no_hypercall_page, {HostAct::save_restore});
    ASSERT_TRUE(guest->machine.alive());
    Nanoseconds wall = 0;
    guest->run([&] { wall = guest->guest.time().wall(); });
    EXPECT_LT(wall / model::kSecond, model::kWallStart);
}

TEST(BugTest, RequestInFlightAtTheHypercall) {
    GuestOptions options;
    options.guest.bugs = Bugs{Bug::store_in_flight};
    ModelGuest guest{options};
    ASSERT_EQ(guest.boot().end, GuestEnd::returned);
    StoreRequest request;
    const char path[] = "name";
    request.type = 2;  // XS_READ
    request.head = path;
    request.head_size = sizeof(path);
    guest.run([&] {
        const Result<> submitted = guest.guest.store().submit(request);
        EXPECT_TRUE(submitted.ok());
        guest.machine.toolstack.follow(HostAct::fast);
        EXPECT_TRUE(guest.guest.suspend().ok());
        guest.guest.store().cancel(request);
    });
    EXPECT_TRUE(has(guest, "L4")) << guest.complaints();
}

/// A transaction of a task's, open while the guest is restored.
struct OpenTransaction {
    explicit OpenTransaction(Bug bug) : guest{GuestOptions{.guest = {.bugs = Bugs{bug}}}} {
        EXPECT_EQ(guest.boot().end, GuestEnd::returned);
        guest.run([this] { EXPECT_TRUE(guest.guest.store().begin(transaction).ok()); });
    }
    ModelGuest guest;
    StoreTransaction transaction{.owner = StoreTransaction::Owner::task, .task = 4};
};

TEST(BugTest, ATornTransactionIsCommitted) {
    OpenTransaction torn{Bug::torn_commit};
    ASSERT_TRUE(torn.guest.cycle(HostAct::save_restore));
    torn.guest.run([&] { (void)torn.guest.guest.store().end(torn.transaction, true); });
    EXPECT_TRUE(has(torn.guest, "L24")) << torn.guest.complaints();
}

TEST(BugTest, WaitingForTransactionsOfTasksNeverEnds) {
    OpenTransaction stuck{Bug::wait_for_user_tx};
    const auto result = stuck.guest.try_cycle();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->outcome, Outcome::aborted);
    EXPECT_EQ(result->cause.code, Errc::timed_out);
}

TEST(BugTest, AnAbortToldAsARestoreResetsALiveRing) {
    GuestOptions options;
    options.guest.bugs = Bugs{Bug::abort_as_restore};
    ModelGuest guest{options};
    ASSERT_EQ(guest.boot().end, GuestEnd::returned);
    guest.run([&] {
        // As far as the gate and not to the hypercall: called off there.
        const auto result = guest.guest.suspend({.last = Step::suspend_late});
        ASSERT_TRUE(result.ok());
        EXPECT_EQ(result.value().outcome, Outcome::aborted);
    });
    EXPECT_TRUE(has(guest, "L6")) << guest.complaints();
}

TEST(BugTest, ARefusalWithoutUnwindingLeavesDevicesSuspended) {
    for (const bool broken : {false, true}) {
        GuestOptions options;
        options.guest.bugs = broken ? Bugs{Bug::no_unwind} : Bugs{};
        ModelGuest guest{options};
        ASSERT_EQ(guest.boot().end, GuestEnd::returned);
        ClockUser frozen{guest.guest.time()};
        conformance::Saboteur refuses{Phase::suspend};
        ASSERT_TRUE(guest.guest.add(refuses).ok());
        ASSERT_TRUE(guest.guest.add(frozen).ok());
        const auto result = guest.try_cycle();
        ASSERT_TRUE(result);
        EXPECT_EQ(result->outcome, Outcome::aborted);
        EXPECT_EQ(has(guest, "P4") || has(guest, "P5"), broken) << guest.complaints();
        ASSERT_TRUE(guest.cycle(HostAct::checkpoint)) << "with or without, the next one works";
        ASSERT_TRUE(guest.guest.remove(refuses).ok());
        ASSERT_TRUE(guest.guest.remove(frozen).ok());
    }
}

TEST(BugTest, AckOnlyLeavesTheToolstackWaiting) {
    const auto guest = with_bug(Bug::ack_only, {HostAct::checkpoint});
    EXPECT_EQ(guest->cycles, 0U);
    EXPECT_FALSE(guest->machine.toolstack.errands().empty());
    EXPECT_FALSE(guest->machine.toolstack.errands().back().succeeded);
}

TEST(BugTest, HypercallOnTheSecondVcpu) {
    GuestOptions options;
    options.machine.vcpus = 2;
    options.guest.run_on_parked = [](Machine& machine, uint32_t cpu, void (*act)(void*) noexcept,
                                     void* argument) noexcept {
        machine.vcpus.set_current(cpu);
        act(argument);
        machine.vcpus.set_current(0);
    };
    const auto guest = with_bug(Bug::hypercall_on_vcpu1, {HostAct::fast}, options);
    EXPECT_TRUE(has(*guest, "L2")) << guest->complaints();
}

TEST(BugTest, NamesAreFoundAndUnknownOnesAreNot) {
    for (uint8_t i = 0; i + 1 < kBugCount; ++i) {
        EXPECT_EQ(bug_named(bug_info(i).name), bug_info(i).bug);
        EXPECT_EQ(static_cast<uint8_t>(bug_info(i).bug), i + 1);
    }
    EXPECT_EQ(bug_named("gate-at-resum"), Bug::none);
    EXPECT_EQ(bug_named(""), Bug::none);
}

}  // namespace
}  // namespace resume::test
