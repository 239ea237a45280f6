#include "tests/unit/oracle/breach.h"

namespace resume::oracle {
namespace {

size_t suspend_hypercall(const Story& story) {
    return story.find(EventKind::hypercall, story.cycle());
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
};

}  // namespace

std::span<const Breach> platform_breaches() {
    return kBreaches;
}

}  // namespace resume::oracle
