#include "tests/unit/oracle/breach.h"

namespace resume::oracle {
namespace {

bool is(const TraceEvent& event, Step step, EventKind kind) {
    return event.kind == kind && event.arg32 == static_cast<uint32_t>(step);
}

void drop_step(Story& story, Step step) {
    story.drop_all([step](const TraceEvent& e) {
        return is(e, step, EventKind::step_begin) || is(e, step, EventKind::step_end);
    });
}

const Breach kBreaches[] = {
    {"P10", "a vCPU is started in mid-cycle",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.insert(s.find(EventKind::store_closed),
                      {.arg32 = 2, .kind = EventKind::cpu_online, .witness = Witness::other_side});
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
};

}  // namespace

std::span<const Breach> sequence_breaches() {
    return kBreaches;
}

}  // namespace resume::oracle
