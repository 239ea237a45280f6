// How a report is told: a guest that is up, what happens to it, and what the oracle says. Each is
// told twice, with the bug that the report is about and without.
#pragma once

#include <gtest/gtest.h>

// Uses fixed-width types without including them.
#include <cstdint>

#include <xen/io/xs_wire.h>

#include <cerrno>
#include <memory>
#include <string>

#include "tests/stress/guest/modelled_guest.h"

namespace resume::scenario {

using model::GuestEnd;
using model::HostAct;
using stress::Cycle;
using stress::ModelledGuest;
using stress::ModelledGuestConfig;

inline ModelledGuestConfig with(Bug bug, uint32_t vcpus = 1) {
    ModelledGuestConfig config;
    config.bugs = bug == Bug::none ? Bugs{} : Bugs{bug};
    config.machine.vcpus = vcpus;
    return config;
}

/// A guest that is up and running.
inline std::unique_ptr<ModelledGuest> guest_up(const ModelledGuestConfig& config) {
    auto guest = std::make_unique<ModelledGuest>(config);
    const model::RunResult up = guest->boot();
    EXPECT_EQ(up.end, GuestEnd::returned) << up.reason;
    return guest;
}

inline std::string complaints(ModelledGuest& guest) {
    const oracle::Verdict verdict = guest.verdict();
    std::string text = verdict.inconclusive.empty() ? "" : "inconclusive: " + verdict.inconclusive;
    for (const oracle::Violation& violation : verdict.violations) {
        text += "\n" + violation.id + " in cycle " + std::to_string(violation.cycle) + ": " +
                violation.detail + " " + violation.device;
    }
    return text;
}

/// The store answers `times` writes with EAGAIN, after `skip` that it carries out.
inline void refuse_writes(Machine& machine, uint32_t skip, uint32_t times) {
    machine.faults.add({.site = model::FaultSite::store_request,
                        .number = XS_WRITE,
                        .skip = skip,
                        .times = times,
                        .error = EAGAIN});
}

/// Nothing to complain of, and the guest lives.
inline void expect_clean(ModelledGuest& guest) {
    EXPECT_TRUE(guest.machine().alive()) << guest.machine().death.reason;
    EXPECT_EQ(complaints(guest), "");
    EXPECT_EQ(guest.worst_step_back(), 0U);
}

inline void expect_violation(ModelledGuest& guest, const char* id) {
    EXPECT_TRUE(guest.verdict().has(id)) << "no " << id << " in:" << complaints(guest);
}

}  // namespace resume::scenario
