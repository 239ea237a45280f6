// A guest of KVM's: its areas, what it makes of what was lost, generations and links.
#include <asm/kvm_para.h>

#include "tests/unit/oracle/breach.h"

namespace resume::oracle {
namespace {

TraceEvent msr(uint32_t number, bool enabled) {
    return {.arg64 = enabled ? 0x1000U | KVM_MSR_ENABLED : 0U,
            .arg32 = number,
            .kind = EventKind::msr_written,
            .witness = Witness::other_side};
}

TraceEvent seen(EventKind kind, uint32_t arg32, uint64_t arg64 = 0) {
    return {.arg64 = arg64, .arg32 = arg32, .kind = kind, .witness = Witness::other_side};
}

/// A refused suspend of a guest whose clock is registered, with one more event before its end.
Story kvm(const TraceEvent& last) {
    Story story;
    story.aborted();
    story.view().guest = "kvm";
    story.insert(0, msr(MSR_KVM_SYSTEM_TIME_NEW, true));
    story.insert(0, seen(EventKind::generation_set, 0, 1));
    story.insert(story.find(EventKind::outcome_known), last);
    return story;
}

/// The host wants a link announced long before the end of the cycle, and `then` is what it sees.
Story kvm_asked(const TraceEvent& then) {
    Story story = kvm(then);
    const size_t begin = story.find(EventKind::cycle_begin);
    story.insert(begin, seen(EventKind::announce_asked, 3));
    for (size_t i = begin + 1; i < story.size(); ++i) {
        story.at(i).ticks += story.view().frequency;
    }
    return story;
}

const Breach kBreaches[] = {
    {"K1", "the clock is not registered again",
     [] { return kvm(msr(MSR_KVM_SYSTEM_TIME_NEW, false)); }},
    {"K2", "KVM still writes to a guest that is away",
     [] { return kvm(seen(EventKind::guest_at_shutdown, 0)); }},
    {"K2", "KVM writes into an image",
     [] { return kvm(seen(EventKind::page_clobbered, MSR_KVM_SYSTEM_TIME_NEW)); }},
    {"L6", "registers were lost and the guest is told that it never left",
     [] { return kvm(seen(EventKind::evidence, static_cast<uint32_t>(DomainEvidence::fresh))); }},
    {"L6", "a device that lost nothing is set up anew",
     [] {
         Story story = kvm(seen(EventKind::note, 0));
         return story.insert(story.find(EventKind::outcome_known) + 1,
                             seen(EventKind::device_status, 1, 0));
     }},
    {"L16", "a device is asked for a feature that it does not offer",
     [] {
         TraceEvent event = seen(EventKind::device_features, 1);
         event.status = 1;
         return kvm(event);
     }},
    {"L20", "the host asks for an announcement in vain", [] { return kvm_asked({}); }},
    {"L20", "the link is announced and the host not told",
     [] { return kvm_asked(seen(EventKind::link_announced, 3)); }},
    {"L20", "the host is told, and nothing was announced",
     [] { return kvm_asked(seen(EventKind::announce_acked, 3)); }},
    {"L21", "another generation and no reseed, though the guest ran",
     [] {
         Story story = kvm_asked({});
         return story.insert(story.find(EventKind::cycle_begin) - 1,
                             seen(EventKind::generation_set, 0, 2));
     }},
    {"L21", "another generation and no reseed, though the guest looked around",
     [] {
         Story story = kvm(seen(EventKind::generation_set, 0, 2));
         story.at(story.find(EventKind::cycle_begin)).status = static_cast<int32_t>(Kind::pause);
         return story;
     }},
    {"L21", "a reseed for the same generation",
     [] { return kvm(seen(EventKind::reseeded, 0, 1)); }},
};

}  // namespace

std::span<const Breach> kvm_breaches() {
    return kBreaches;
}

}  // namespace resume::oracle
