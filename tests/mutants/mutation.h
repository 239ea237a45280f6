// One change to a guest that should not survive, and how it is made.
#pragma once

#include <string>
#include <vector>

#include "tests/mutants/victim.h"

namespace resume::mutants {

enum class Change : uint8_t {
    none,
    drop_row,      ///< a step and its mirror are left out
    swap_rows,     ///< neighbours change places, on the way down and up
    swap_down,     ///< the same on the way down alone
    swap_up,       ///< on the way up alone
    lie_row,       ///< a step and its mirror are traced and not done
    empty_hook,    ///< the hook does nothing, successfully
    lie_hook,      ///< it runs and says what it always says, but nothing of what it asks of the
                   ///< hypervisor happens
    invert_hook,   ///< it is told another outcome
    swallow_call,  ///< a hypercall is not carried out, and the caller told that it was
};

struct Mutation {
    Change change = Change::none;
    uint8_t row = 0;    ///< of the step table
    size_t driver = 0;  ///< of Victim::driver()
    Phase phase = Phase::none;
    uint32_t number = 0;  ///< of the hypercall
    uint32_t sub = 0;
    uint32_t skip = 0;   ///< calls of that kind that are carried out before, since boot
    uint32_t times = 1;  ///< calls of that kind that are swallowed after that
    std::string what{};  ///< for people: "drop_row suspend", "lie_hook timer.syscore_resume"
};

/// The step table with the change, if it is one of a row.
StepTable table_of(const Mutation& mutation);
/// The changes that do not depend on the kind of cycle.
std::vector<Mutation> all_mutations(model::GuestKind guest);
/// One for each hypercall of the first cycle of `kind`, as an unchanged guest makes them.
std::vector<Mutation> swallowed_calls(model::GuestKind guest, CycleKind kind);

/// Runs a guest of that kind with the mutation.
Ending run_mutant(model::GuestKind guest, CycleKind kind, const Mutation& mutation);

}  // namespace resume::mutants
