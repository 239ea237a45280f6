// The table of faults: what each is called, what it is drawn from, and what it may lead to.
#pragma once

#include <string>
#include <vector>

#include "drivers/model/fault_plan.h"
#include "tests/stress/campaign/dice.h"
#include "tests/stress/campaign/plan.h"

namespace resume::stress {

/// What a cycle with the fault in it may come to beside what the host wanted; a mask.
enum Effect : uint8_t {
    kHarmless = 0,
    kAborts = 1,       ///< the guest does not go down
    kLate = 2,         ///< something is not there when the cycle ends, and it says so
    kMayKill = 4,      ///< the guest may be lost, with a word
    kErrandFails = 8,  ///< the host does not get what it wanted
    kDiskGoes = 16,    ///< for ever
    kEnds = 32,        ///< the life, as planned
};

/// Whose cycles it can be in; a mask.
enum FaultGuests : uint8_t { kOnXen = 1, kOnKvm = 2, kOnAny = kOnXen | kOnKvm };

struct FaultRow {
    FaultKind kind;
    const char* name;
    const char* story;  ///< who does what; {a}, {b}, {c} stand for the numbers
    uint8_t weight;     ///< how often it is drawn
    uint8_t effects;
    uint8_t guests;
    void (*draw)(Dice& dice, const LifePlan& plan, PlannedFault& fault);
};

const FaultRow& row_of(FaultKind kind);
/// Nothing for a name that is not in the table.
[[nodiscard]] std::optional<FaultKind> fault_named(const std::string& name);
/// "vif-0 refuses in suspend_late"
[[nodiscard]] std::string story_of(const PlannedFault& fault, const LifePlan& plan);
/// Whether a fault from outside speaks of things that are there.
[[nodiscard]] bool in_bounds(const PlannedFault& fault, const LifePlan& plan);
/// Whether its story has this place in it: "{dev a}".
[[nodiscard]] bool speaks_of(FaultKind kind, const char* place);
/// Another of the plan's devices is below it: it cannot be removed.
[[nodiscard]] bool has_children(const LifePlan& plan, uint32_t device);
[[nodiscard]] uint8_t effects_of(const PlannedCycle& cycle);

/// One of the enabled kinds, by their weights; nothing when none fits this life.
[[nodiscard]] std::optional<PlannedFault> draw_fault(Dice& dice, const LifePlan& plan,
                                                     uint64_t enabled);

inline constexpr uint32_t kTaskCount = 3;

struct NamedCall {
    uint32_t number, sub;
    const char* name;
};
/// Hypercalls that a guest makes on its way back.
const std::vector<NamedCall>& calls_back();
/// Requests to the store that its daemon may fail once.
const std::vector<NamedCall>& store_requests();

/// What the modelled guest has nothing for yet: name and reason.
struct Missing {
    const char* name;
    const char* reason;
};
const std::vector<Missing>& missing_faults();

}  // namespace resume::stress
