// Each invariant that is checked is broken by a story of its own and nothing else is said of the
// clean stories.
#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "libresume/oracle/invariants.h"
#include "libresume/oracle/xen_abi.h"
#include "libresume/result.h"
#include "tests/unit/oracle/story.h"

namespace resume::oracle {
namespace {

std::string said(const Verdict& verdict) {
    std::string text = verdict.inconclusive;
    for (const Violation& violation : verdict.violations) {
        text += violation.id + " " + violation.detail + " [" + violation.device + "]; ";
    }
    return text;
}

void expect_clean(const Story& story) {
    const Verdict verdict = story.verdict();
    EXPECT_TRUE(verdict.clean()) << said(verdict);
}

TEST(CleanStories, PassInEveryOutcome) {
    expect_clean(Story{}.resumed());
    expect_clean(Story{}.cancelled());
    expect_clean(Story{}.aborted());
}

TEST(CleanStories, PassInARow) {
    expect_clean(Story{}.cancelled().aborted().resumed().cancelled().resumed().aborted());
}

TEST(CleanStories, ReturningZeroInTheSameDomainMayFindEverythingRegistered) {
    Story story;
    story.resumed(DomainEvidence::same).cancelled();
    story
        .at(story.find([](const TraceEvent& e) { return e.kind == EventKind::vcpu_info_set; },
                       story.find(EventKind::cycle_begin)))
        .status = -22;
    expect_clean(story);
}

TEST(CleanStories, AreNotJudgedWhenEventsWereLost) {
    Story story;
    story.resumed().drop_all(EventKind::task_thawed);
    story.view().lost = 1;
    EXPECT_EQ(story.verdict().inconclusive, "1 events were lost");
    EXPECT_FALSE(story.verdict().violated());
}

TEST(CleanStories, ThatEndInMidCycleProveNothing) {
    Story story;
    story.resumed();
    story.view().events.resize(story.find(EventKind::store_closed));
    EXPECT_EQ(story.verdict().inconclusive, "the trace ends in mid-cycle");
}

TEST(CleanStories, WithoutACycleProveNothing) {
    EXPECT_EQ(Story{}.verdict().inconclusive, "no cycle in this trace");
}

/// A way to break one invariant.
struct Breach {
    const char* id;
    const char* how;
    Story (*tell)();
};

bool is(const TraceEvent& event, Step step, EventKind kind) {
    return event.kind == kind && event.arg32 == static_cast<uint32_t>(step);
}

void drop_step(Story& story, Step step) {
    story.drop_all([step](const TraceEvent& e) {
        return is(e, step, EventKind::step_begin) || is(e, step, EventKind::step_end);
    });
}

size_t suspend_hypercall(const Story& story) {
    return story.find(EventKind::hypercall, story.cycle());
}

Story with(Story story, const std::function<void(Story&)>& change) {
    change(story);
    return story;
}

/// What a disk, or the other side, says at the end of the cycle.
void tell_device(Story& story, const std::vector<TraceEvent>& events) {
    for (TraceEvent event : events) {
        event.device = event.witness == Witness::other_side ? kNoDevice : Story::kDisk;
        story.insert(story.size() - 1, event);
    }
}

const Breach kBreaches[] = {
    {"L1", "another vCPU still runs",
     [] {
         return with(Story{}.cancelled(),
                     [](Story& s) { s.at(s.find(EventKind::guest_at_shutdown)).arg32 = 2; });
     }},
    {"L1", "nobody saw the vCPU parked",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.drop_all(EventKind::guest_at_shutdown).drop_all(EventKind::cpu_parked);
         });
     }},
    {"L1", "the engine says so, the platform did nothing",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.drop_all(EventKind::guest_at_shutdown);
             s.at(s.find(EventKind::irqs_disabled)).witness = Witness::engine;
         });
     }},
    {"L2", "the hypercall is made on vCPU 1",
     [] {
         return with(Story{}.cancelled(), [](Story& s) { s.at(suspend_hypercall(s)).cpu = 1; });
     }},
    {"L3", "the request is acknowledged twice",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             const size_t at = s.find(EventKind::request_acked);
             s.insert(at, s.at(at));
         });
     }},
    {"L3", "a request is acknowledged and nothing is done",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             for (const EventKind kind : {EventKind::request_acked, EventKind::request_seen}) {
                 s.insert(0, {.kind = kind, .witness = Witness::other_side});
             }
         });
     }},
    {"L3", "nobody acknowledged",
     [] {
         return with(Story{}.cancelled(),
                     [](Story& s) { s.drop(s.find(EventKind::request_acked)); });
     }},
    {"L3", "the feature is not announced again in the new domain",
     [] {
         return with(Story{}.resumed(),
                     [](Story& s) { s.drop_all(EventKind::feature_written).cancelled(); });
     }},
    {"L4", "a request is in flight",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.insert(s.find(EventKind::store_closed), {.arg64 = 99,
                                                        .arg32 = 11,
                                                        .kind = EventKind::store_request,
                                                        .witness = Witness::other_side});
         });
     }},
    {"L4", "somebody is inside when the gate closes",
     [] {
         return with(Story{}.cancelled(),
                     [](Story& s) { s.at(s.find(EventKind::store_closed)).arg32 = 1; });
     }},
    {"L4", "half a message is in the ring",
     [] {
         return with(Story{}.cancelled(),
                     [](Story& s) { s.at(s.find(EventKind::guest_at_shutdown)).arg64 = 16; });
     }},
    {"L4", "the gate is not closed",
     [] {
         return with(Story{}.cancelled(), [](Story& s) { s.drop_all(EventKind::store_closed); });
     }},
    {"L5", "a watch is not registered again",
     [] { return with(Story{}.resumed(), [](Story& s) { s.drop_all(EventKind::watch_added); }); }},
    {"L5", "the client says it registered the watch, the store has not seen it",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.at(s.find(EventKind::watch_added, s.cycle())).witness = Witness::driver;
         });
     }},
    {"L5", "a watch is registered again after a cancel",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.insert(
                 s.find(EventKind::store_opened, s.cycle()),
                 {.arg64 = 0x77, .kind = EventKind::watch_added, .witness = Witness::other_side});
         });
     }},
    {"L6", "a cancel is taken for a resume",
     [] {
         return with(Story{}.resumed(), [](Story& s) { s.at(suspend_hypercall(s)).status = 1; });
     }},
    {"L6", "vcpu_info is registered again after a cancel",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.insert(s.find(EventKind::irqs_enabled),
                      {.kind = EventKind::vcpu_info_set, .witness = Witness::other_side});
         });
     }},
    {"L7", "shared_info is not mapped again",
     [] {
         return with(Story{}.resumed(), [](Story& s) { s.drop_all(EventKind::memory_mapped); });
     }},
    {"L7", "the callback comes before shared_info",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.move(s.find(EventKind::param_written, s.cycle()),
                    s.find(EventKind::memory_mapped, s.cycle()));
         });
     }},
    {"L7", "interrupts come on before a channel is bound",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.move(s.find(EventKind::irqs_enabled, s.cycle()),
                    s.find(EventKind::port_bound, s.cycle()));
         });
     }},
    {"L7", "the timer's VIRQ is not bound again",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.drop_all([](const TraceEvent& e) {
                 return e.kind == EventKind::port_bound && e.arg64 >> 32 == 1;
             });
         });
     }},
    {"L7", "shared_info goes down before the timer",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.at(s.find_hook(EventKind::hook_begin, Story::kTimer, Phase::syscore_suspend))
                 .device = Story::kSharedInfo;
         });
     }},
    {"L8", "vcpu_info is not registered again",
     [] {
         return with(Story{}.resumed(), [](Story& s) { s.drop_all(EventKind::vcpu_info_set); });
     }},
    {"L8", "vcpu_info is registered twice",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             const size_t at = s.find(EventKind::vcpu_info_set, s.cycle());
             s.insert(at, s.at(at));
         });
     }},
    {"L9", "a channel of the old domain is closed",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.insert(s.find(EventKind::port_bound, s.cycle()),
                      {.arg32 = 3, .kind = EventKind::port_closed, .witness = Witness::other_side});
         });
     }},
    {"L9", "the hypervisor sees a send on a channel that means nothing",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.insert(s.find(EventKind::irqs_enabled, s.cycle()),
                      {.arg32 = 9, .kind = EventKind::port_stale, .witness = Witness::other_side});
         });
     }},
    {"L10", "a gate is allocated at resume",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.insert(s.find(EventKind::port_bound, s.cycle()),
                      {.arg32 = 7, .kind = EventKind::gate_allocated});
         });
     }},
    {"L10", "boot code is called at resume",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.insert(s.find(EventKind::port_bound, s.cycle()),
                      {.status = 1, .kind = EventKind::boot_code_entered});
         });
     }},
    {"L11", "the callback is not set again",
     [] {
         return with(Story{}.resumed(), [](Story& s) { s.drop_all(EventKind::param_written); });
     }},
    {"L11", "the store's channel is not read again",
     [] { return with(Story{}.resumed(), [](Story& s) { s.drop_all(EventKind::param_read); }); }},
    {"L12", "a grant is made before anything is agreed",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.insert(s.find(EventKind::irqs_enabled, s.cycle()),
                      {.arg32 = 8, .kind = EventKind::grant_made});
         });
     }},
    {"L13", "the clock goes back",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.at(s.find(EventKind::clock_read, suspend_hypercall(s))).arg64 = 1;
         });
     }},
    {"L13", "the clock leaps",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.at(s.find(EventKind::clock_read, suspend_hypercall(s))).arg64 += 600'000'000;
         });
     }},
    {"L13", "the clock is read before shared_info is mapped",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.move(s.find(EventKind::clock_read, suspend_hypercall(s)),
                    s.find(EventKind::memory_mapped, s.cycle()));
         });
     }},
    {"L14", "stolen time is added twice",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             const size_t at = s.find(EventKind::runstate_folded);
             s.insert(at, s.at(at));
         });
     }},
    {"L14", "stolen time is added after a cancel",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.insert(s.find(EventKind::irqs_enabled),
                      {.arg64 = 9, .arg32 = 1, .kind = EventKind::runstate_folded});
         });
     }},
    {"L22", "the wall clock is not read again",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.drop_all([](const TraceEvent& e) {
                 return e.kind == EventKind::clock_read && e.arg32 == 1;
             });
         });
     }},
    {"L22", "the wall clock reads 0",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.at(s.find(
                      [](const TraceEvent& e) {
                          return e.kind == EventKind::clock_read && e.arg32 == 1;
                      },
                      s.cycle()))
                 .arg64 = 0;
         });
     }},
    {"L23", "the driving thread is frozen",
     [] {
         return with(Story{}.cancelled(),
                     [](Story& s) { s.at(s.find(EventKind::task_frozen)).arg32 = 0; });
     }},
    {"L24", "a transaction of the old domain is committed",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.insert(s.size() - 1, {.arg64 = uint64_t{4} << 32 | 50,
                                     .arg32 = 7,
                                     .kind = EventKind::store_request,
                                     .witness = Witness::other_side});
         });
     }},
    {"L24", "the client itself says that it ends a transaction of the old domain",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.view().sights = Sight::platform | Sight::hypercalls;
             const uint64_t tx = uint64_t{4} << 32;
             s.insert(s.size() - 1,
                      {.arg64 = tx | 51, .arg32 = 7, .kind = EventKind::store_request});
             s.insert(0, {.arg64 = tx | 50, .arg32 = 6, .kind = EventKind::store_reply});
         });
     }},
    {"P1", "a device resumes before the outcome is known",
     [] {
         return with(Story{}.resumed(), [](Story& s) { s.drop(s.find(EventKind::outcome_known)); });
     }},
    {"P2", "a parent is suspended before its child",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             const size_t disk = s.find_hook(EventKind::hook_begin, Story::kDisk, Phase::suspend);
             s.move(s.find_hook(EventKind::hook_end, Story::kBus, Phase::suspend), disk);
             s.move(s.find_hook(EventKind::hook_begin, Story::kBus, Phase::suspend), disk);
         });
     }},
    {"P2", "a consumer is resumed beside its supplier",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.move(s.find_hook(EventKind::hook_begin, Story::kNet, Phase::resume),
                    s.find_hook(EventKind::hook_end, Story::kDisk, Phase::resume));
         });
     }},
    {"P3", "a hook never ends",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.drop(s.find_hook(EventKind::hook_end, Story::kNet, Phase::complete));
         });
     }},
    {"P4", "a device is not resumed",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.drop_all([](const TraceEvent& e) {
                 return e.device == Story::kDisk && e.phase == Phase::resume_early;
             });
         });
     }},
    {"P4", "the device that refused is resumed",
     [] {
         return with(Story{}.aborted(), [](Story& s) {
             for (const EventKind kind : {EventKind::hook_end, EventKind::hook_begin}) {
                 const size_t at = s.find_hook(EventKind::hook_begin, Story::kNet, Phase::resume);
                 s.insert(at, {.device = Story::kDisk, .kind = kind, .phase = Phase::resume});
             }
         });
     }},
    {"P4", "a device is resumed twice",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             const size_t at = s.find_hook(EventKind::hook_begin, Story::kNet, Phase::resume);
             s.insert(at, s.at(at + 1)).insert(at, s.at(at + 1));
         });
     }},
    {"P5", "a step is not undone",
     [] { return with(Story{}.cancelled(), [](Story& s) { drop_step(s, Step::open_store); }); }},
    {"P5", "a step is left out on the way down",
     [] { return with(Story{}.cancelled(), [](Story& s) { drop_step(s, Step::freeze_tasks); }); }},
    {"P6", "a late hook runs among the suspend hooks",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.move(s.find_hook(EventKind::hook_begin, Story::kDisk, Phase::suspend_late),
                    s.find_hook(EventKind::hook_begin, Story::kBus, Phase::suspend));
         });
     }},
    {"P7", "a cycle begins inside another",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.insert(s.find(EventKind::store_closed),
                      {.arg32 = 2, .kind = EventKind::cycle_begin});
         });
     }},
    {"P10", "a device is added in mid-cycle",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.insert(s.find(EventKind::store_closed),
                      {.device = 20, .kind = EventKind::device_added});
         });
     }},
    {"P11", "a wait ends at its deadline and names nobody",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.insert(s.find(EventKind::store_closed), {.kind = EventKind::hook_overrun});
         });
     }},
    {"P12", "the guest goes down after it was called off",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.insert(s.find(EventKind::store_closed), {.kind = EventKind::abort_requested});
         });
     }},
    {"P13", "an error on the way up keeps another device down",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.at(s.find_hook(EventKind::hook_end, Story::kBus, Phase::resume)).status =
                 static_cast<int32_t>(Errc::io);
             s.drop_all([](const TraceEvent& e) {
                 return e.device == Story::kNet && e.phase == Phase::resume;
             });
         });
     }},
    {"P14", "a prepared device is not completed",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.drop_all([](const TraceEvent& e) {
                 return e.device == Story::kNet && e.phase == Phase::complete;
             });
         });
     }},
    {"F1", "a task is stopped inside the store",
     [] {
         return with(Story{}.cancelled(),
                     [](Story& s) { s.at(s.find(EventKind::task_frozen)).status = 1; });
     }},
    {"F1", "a task still runs",
     [] {
         return with(Story{}.cancelled(),
                     [](Story& s) { s.at(s.find(EventKind::guest_at_shutdown)).device = 1; });
     }},
    {"F2", "tasks stay frozen after a refusal",
     [] { return with(Story{}.aborted(), [](Story& s) { s.drop_all(EventKind::task_thawed); }); }},
    {"F2", "device interrupts stay masked",
     [] {
         return with(Story{}.resumed(),
                     [](Story& s) { s.drop_all(EventKind::device_irqs_unmasked); });
     }},
    {"F3", "the timer is resumed among the devices",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.at(s.find_hook(EventKind::hook_begin, Story::kBus, Phase::resume)).device =
                 Story::kTimer;
         });
     }},
    {"F3", "the timer is not resumed before the devices",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.drop_all([](const TraceEvent& e) {
                 return e.device == Story::kTimer && e.phase == Phase::syscore_resume;
             });
         });
     }},
    {"F4", "one device is told another outcome",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.at(s.find_hook(EventKind::hook_begin, Story::kNet, Phase::resume)).arg32 =
                 static_cast<uint32_t>(Outcome::resumed);
         });
     }},
    {"F5", "a gate is allocated at resume",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             s.insert(s.find(EventKind::port_bound, s.cycle()),
                      {.arg32 = 7, .kind = EventKind::gate_allocated});
         });
     }},
    {"F6", "what was suspended before the refusal stays down",
     [] {
         return with(Story{}.aborted(), [](Story& s) {
             s.drop_all([](const TraceEvent& e) {
                 return e.device == Story::kNet && e.phase == Phase::resume;
             });
         });
     }},
    {"L15", "a request completes twice",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             tell_device(s, {{.arg64 = 1, .kind = EventKind::io_accepted},
                             {.arg64 = 1, .kind = EventKind::io_completed},
                             {.arg64 = 1, .kind = EventKind::io_completed}});
         });
     }},
    {"L15", "a request is lost",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             tell_device(s, {{.kind = EventKind::io_accepted}, {.kind = EventKind::io_idle}});
         });
     }},
    {"L16", "a backend is asked for more than it offers",
     [] {
         const TraceEvent refused{
             .status = 1, .kind = EventKind::io_refused, .witness = Witness::other_side};
         return with(Story{}.cancelled(), [&](Story& s) { tell_device(s, {refused}); });
     }},
    {"L17", "a ring is used between its freeing and its replacement",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             tell_device(s, {{.kind = EventKind::queue_attached},
                             {.kind = EventKind::queue_detached},
                             {.kind = EventKind::ring_used}});
         });
     }},
    {"L17", "a ring is made anew under its users",
     [] {
         return with(Story{}.resumed(), [](Story& s) {
             tell_device(s, {{.kind = EventKind::queue_attached},
                             {.arg32 = 2, .kind = EventKind::ring_reset}});
         });
     }},
    {"L20", "a link comes back and the network is not told",
     [] {
         Story story;
         tell_device(
             story.resumed(),
             {{.arg64 = 1, .kind = EventKind::backend_connected, .witness = Witness::other_side}});
         return story.cancelled();
     }},
    {"D1", "device interrupts are not masked",
     [] {
         return with(Story{}.cancelled(),
                     [](Story& s) { s.drop_all(EventKind::device_irqs_masked); });
     }},
    {"D1", "a device's handler runs while masked",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.insert(s.find(EventKind::cpu_parked),
                      {.arg32 = 8, .device = Story::kDisk, .kind = EventKind::upcall});
         });
     }},
};

TEST(Breaches, AreEachFoundByTheirInvariant) {
    for (const Breach& breach : kBreaches) {
        const Verdict verdict = breach.tell().verdict();
        EXPECT_TRUE(verdict.has(breach.id))
            << breach.id << ": " << breach.how << " was not found; said: " << said(verdict);
    }
}

TEST(Invariants, AreCheckedWithAStoryOrLeftOutWithAReason) {
    std::set<std::string> told;
    for (const Breach& breach : kBreaches) {
        told.insert(breach.id);
    }
    for (size_t i = 0; i < kInvariantCount; ++i) {
        const Invariant& row = kInvariants[i];
        const bool checked = row.checked_by != nullptr;
        EXPECT_NE(checked, row.reason != nullptr) << row.id;
        EXPECT_EQ(told.count(row.id) != 0, checked) << row.id;
        std::printf("%-4s %s\n     %s: %s\n", row.id, row.statement,
                    checked ? "checked by" : "left out", checked ? row.checked_by : row.reason);
    }
}

}  // namespace
}  // namespace resume::oracle
