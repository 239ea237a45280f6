// What every driver must pass on the model, ours and anybody's: suspending is idempotent, a failure
// anywhere unwinds, cancelled is not resumed, nothing happens to a quiet device, nothing is
// allocated, and the oracle has no complaint.
//
// For a driver of your own, write a subject and instantiate the suite:
//
//   struct MySubject {
//       MySubject();                          // makes guest and driver; no guest code yet
//       void attach();                        // guest code, after boot: guest.guest.add(driver)
//       Device& device();
//       bool works();                         // guest code: uses the driver once
//       ModelGuest guest;
//   };
//   using MySubjects = testing::Types<MySubject>;
//   INSTANTIATE_TYPED_TEST_SUITE_P(Mine, Conformance, MySubjects);
#pragma once

#include <gtest/gtest.h>

#include "tests/conformance/allocations.h"
#include "tests/conformance/model_guest.h"
#include "tests/conformance/saboteur.h"

namespace resume::conformance {

template <class Subject>
class Conformance : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(guest().boot().end, model::GuestEnd::returned) << guest().last.reason;
        in_guest([this] { subject.attach(); });
        expect_works("after boot");
    }
    void TearDown() override {
        if (!HasFatalFailure()) {
            EXPECT_EQ(guest().complaints(), "");
        }
    }

    ModelGuest& guest() { return subject.guest; }
    void in_guest(const std::function<void()>& code) {
        ASSERT_EQ(guest().run(code).end, model::GuestEnd::returned) << guest().last.reason;
    }
    void expect_works(const char* when) {
        bool works = false;
        in_guest([this, &works] { works = subject.works(); });
        EXPECT_TRUE(works) << when;
    }
    void expect_cycle(model::HostAct act, Outcome outcome) {
        const auto result = guest().cycle(act);
        ASSERT_EQ(guest().last.end, model::GuestEnd::returned) << guest().last.reason;
        ASSERT_TRUE(result) << name_of(act);
        EXPECT_EQ(result->outcome, outcome) << name_of(act);
        EXPECT_EQ(result->errors_up, 0U) << name_of(act);
        expect_works(name_of(act));
    }
    void expect_abort(Step last = Step::enter) {
        const auto result = guest().try_cycle(last);
        ASSERT_EQ(guest().last.end, model::GuestEnd::returned) << guest().last.reason;
        ASSERT_TRUE(result);
        EXPECT_EQ(result->outcome, Outcome::aborted);
        EXPECT_EQ(result->errors_up, 0U);
        expect_works(name_of(last));
    }
    /// Hypercalls that were made inside the device's own hooks of the way up.
    size_t hypercalls_in_up_hooks() {
        size_t count = 0;
        bool inside = false;
        for (const TraceEvent& event : guest().view().events) {
            const bool of_ours =
                event.device == subject.device().id() && event.phase >= Phase::syscore_resume;
            if (of_ours && event.kind == EventKind::hook_begin) {
                inside = true;
            } else if (of_ours && event.kind == EventKind::hook_end) {
                inside = false;
            }
            count += inside && event.kind == EventKind::hypercall ? 1U : 0U;
        }
        return count;
    }

    Subject subject;
};
TYPED_TEST_SUITE_P(Conformance);

TYPED_TEST_P(Conformance, WorksAfterEachOutcomeTwice) {
    for (int round = 0; round < 2; ++round) {
        this->expect_cycle(model::HostAct::checkpoint, Outcome::cancelled);
        this->expect_cycle(model::HostAct::save_restore, Outcome::resumed);
        this->expect_cycle(model::HostAct::slow, Outcome::resumed);
        this->expect_cycle(model::HostAct::in_place, Outcome::resumed);
        this->expect_cycle(model::HostAct::migrate, Outcome::resumed);
        this->expect_cycle(model::HostAct::migrate_fails_late, Outcome::cancelled);
    }
}

TYPED_TEST_P(Conformance, GoingToEachLevelAndBackChangesNothing) {
    for (int round = 0; round < 2; ++round) {
        for (uint8_t step = 1; step < static_cast<uint8_t>(Step::enter); ++step) {
            this->expect_abort(static_cast<Step>(step));
        }
    }
    EXPECT_EQ(this->hypercalls_in_up_hooks(), 0U);
    this->expect_cycle(model::HostAct::save_restore, Outcome::resumed);
}

TYPED_TEST_P(Conformance, UnwindsWhenAnotherDeviceRefusesInAnyPhase) {
    for (const Phase phase :
         {Phase::prepare, Phase::suspend, Phase::suspend_late, Phase::suspend_noirq}) {
        Saboteur below{phase};   // a child: goes down before the device
        Saboteur beside{phase};  // what the device is made to need: goes down after it
        DeviceLink link;
        Engine& engine = this->guest().guest.engine();
        this->in_guest([&] { ASSERT_TRUE(engine.add(below, &this->subject.device()).ok()); });
        this->expect_abort();
        this->in_guest([&] {
            ASSERT_TRUE(engine.remove(below).ok());
            ASSERT_TRUE(engine.add(beside, nullptr).ok());
            ASSERT_TRUE(engine.link(link, this->subject.device(), beside).ok());
        });
        this->expect_abort();
        this->in_guest([&] {
            engine.unlink(link);
            ASSERT_TRUE(engine.remove(beside).ok());
        });
    }
    EXPECT_EQ(this->hypercalls_in_up_hooks(), 0U);
    this->expect_cycle(model::HostAct::save_restore, Outcome::resumed);
}

TYPED_TEST_P(Conformance, UnwindsWhenTheLastSystemDeviceRefuses) {
    SystemSaboteur last;
    this->in_guest([&] { ASSERT_TRUE(this->guest().guest.engine().add(last, nullptr).ok()); });
    this->expect_abort();
    this->in_guest([&] { ASSERT_TRUE(this->guest().guest.engine().remove(last).ok()); });
    EXPECT_EQ(this->hypercalls_in_up_hooks(), 0U);
    this->expect_cycle(model::HostAct::save_restore, Outcome::resumed);
}

TYPED_TEST_P(Conformance, UnwindsWhenTheHypercallIsRefused) {
    this->guest().machine.faults.add({.site = model::FaultSite::hypercall,
                                      .number = __HYPERVISOR_sched_op,
                                      .sub = SCHEDOP_shutdown,
                                      .error = 1});
    this->expect_abort();
    EXPECT_EQ(this->hypercalls_in_up_hooks(), 0U);
    this->guest().machine.faults.clear();
    this->expect_cycle(model::HostAct::save_restore, Outcome::resumed);
}

TYPED_TEST_P(Conformance, ACancelledCycleDoesNothingAnew) {
    this->expect_cycle(model::HostAct::checkpoint, Outcome::cancelled);
    EXPECT_EQ(this->hypercalls_in_up_hooks(), 0U);
}

TYPED_TEST_P(Conformance, NothingComesFromAQuietDevice) {
    this->expect_cycle(model::HostAct::save_restore, Outcome::resumed);
    bool quiet = false;
    for (const TraceEvent& event : this->guest().view().events) {
        if (event.kind == EventKind::device_irqs_masked) {
            quiet = true;
        } else if (event.kind == EventKind::device_irqs_unmasked) {
            quiet = false;
        }
        EXPECT_FALSE(quiet && event.kind == EventKind::upcall &&
                     event.device == this->subject.device().id());
    }
}

TYPED_TEST_P(Conformance, NothingIsAllocatedInACycle) {
    const uint64_t before = guest_allocations();
    this->guest().run([this] {
        this->guest().machine.toolstack.follow(model::HostAct::save_restore);
        (void)this->guest().guest.suspend();
    });
    EXPECT_EQ(guest_allocations(), before);
    this->expect_works("after a restore");
    if (!allocations_are_counted()) {
        GTEST_SKIP() << "the thread sanitizer has the only operator new";
    }
}

REGISTER_TYPED_TEST_SUITE_P(Conformance, WorksAfterEachOutcomeTwice,
                            GoingToEachLevelAndBackChangesNothing,
                            UnwindsWhenAnotherDeviceRefusesInAnyPhase,
                            UnwindsWhenTheLastSystemDeviceRefuses, UnwindsWhenTheHypercallIsRefused,
                            ACancelledCycleDoesNothingAnew, NothingComesFromAQuietDevice,
                            NothingIsAllocatedInACycle);

}  // namespace resume::conformance
