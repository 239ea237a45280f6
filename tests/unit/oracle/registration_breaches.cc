#include "tests/unit/oracle/breach.h"

namespace resume::oracle {
namespace {

size_t suspend_hypercall(const Story& story) {
    return story.find(EventKind::hypercall, story.cycle());
}

const Breach kBreaches[] = {
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
};

}  // namespace

std::span<const Breach> registration_breaches() {
    return kBreaches;
}

}  // namespace resume::oracle
