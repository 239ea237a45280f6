#include "tests/unit/oracle/breach.h"

namespace resume::oracle {
namespace {

const Breach kBreaches[] = {
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
};

}  // namespace

std::span<const Breach> failure_breaches() {
    return kBreaches;
}

}  // namespace resume::oracle
