#include "tests/unit/oracle/breach.h"

namespace resume::oracle {
namespace {

/// What a disk, or the other side, says at the end of the cycle.
void tell_device(Story& story, const std::vector<TraceEvent>& events) {
    for (TraceEvent event : events) {
        event.device = event.witness == Witness::other_side ? kNoDevice : Story::kDisk;
        story.insert(story.size() - 1, event);
    }
}

const Breach kBreaches[] = {
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
         const size_t next = story.size();
         story.cancelled();
         for (size_t i = next; i < story.size(); ++i) {
             story.at(i).ticks += 2'000'000'000;  // a link that is there has had time to say so
         }
         return story;
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
    {"D2", "memory is given to the host twice",
     [] {
         const TraceEvent given{
             .status = 1, .kind = EventKind::pages_given, .witness = Witness::other_side};
         return with(Story{}.cancelled(), [&](Story& s) { tell_device(s, {given}); });
     }},
    {"D2", "memory is fetched while the guest goes down",
     [] {
         return with(Story{}.cancelled(), [](Story& s) {
             s.insert(
                 s.find(EventKind::cpu_parked),
                 {.arg32 = 1, .kind = EventKind::pages_fetched, .witness = Witness::other_side});
         });
     }},
};

}  // namespace

std::span<const Breach> device_breaches() {
    return kBreaches;
}

}  // namespace resume::oracle
