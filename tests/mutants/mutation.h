// One change to a guest that should not survive, and how it is made.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libresume/step_table.h"
#include "tests/mutants/victim.h"

namespace resume::mutants {

class Equivalents;

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
    model::FaultSite site = model::FaultSite::hypercall;  ///< of the call that is swallowed
    uint32_t number = 0;                                  ///< of it
    uint32_t sub = 0;
    uint32_t skip = 0;   ///< calls of that kind that are carried out before, since boot
    uint32_t times = 1;  ///< calls of that kind that are swallowed after that
    std::string what{};  ///< for people: "drop_row suspend", "lie_hook timer.syscore_resume"
};

/// The step table with the mutation in it.
StepTable table_of(const Mutation& mutation);
/// Of the steps, and of each hook of `drivers`: the changes that do not depend on the kind of
/// cycle.
std::vector<Mutation> all_mutations(const std::vector<Device*>& drivers);
/// `what` swallowed, for each event of that kind in the first cycle of `trace`: its arg32 is the
/// number, the low half of arg64 the sub-operation when `has_sub`.
std::vector<Mutation> swallowed(const Trace& trace, EventKind kind, model::FaultSite site,
                                bool has_sub);
/// Breaks the hook, if the mutation is of one, or the call.
void break_guest(const Mutation& mutation, Machine& machine, Device* driver);

/// A guest, the kinds of cycle that it goes through, and the mutations made of it.
struct Field {
    std::string guest;
    std::vector<std::string> kinds;
    std::function<std::vector<Mutation>()> all;
    std::function<std::vector<Mutation>(size_t kind)> calls;
    std::function<Ending(size_t kind, const Mutation& mutation)> run;
    Equivalents* equivalents = nullptr;
};
Field xen_field(model::GuestKind guest, Equivalents& equivalents);

}  // namespace resume::mutants
