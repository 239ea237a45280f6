// Ways to break one invariant each, by family; each is a clean story with one change.
#pragma once

#include <span>

#include "libresume/oracle/xen_abi.h"
#include "libresume/result.h"
#include "tests/unit/oracle/story.h"

namespace resume::oracle {

/// A way to break one invariant.
struct Breach {
    const char* id;
    const char* how;
    Story (*tell)();
};

/// The store, parked vCPUs, the request and the clocks (L1-L4, L13, L14, L22-L24).
std::span<const Breach> platform_breaches();
/// What a new domain has lost and what a cancel has not (L5-L12).
std::span<const Breach> registration_breaches();
/// Requests, rings and interrupts of devices and the balloon (L15-L17, L20, D).
std::span<const Breach> device_breaches();
/// A guest of KVM's (K, and L where it is told otherwise than Xen's).
std::span<const Breach> kvm_breaches();
/// The order of steps and hooks (P).
std::span<const Breach> sequence_breaches();
/// What the failures in the field broke (F).
std::span<const Breach> failure_breaches();

/// `story` with one change.
inline Story with(Story story, const std::function<void(Story&)>& change) {
    change(story);
    return story;
}

}  // namespace resume::oracle
