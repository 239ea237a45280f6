#include "tests/stress/explore/independence.h"

#include <algorithm>
#include <iterator>

#include "tests/stress/campaign/faults.h"

namespace resume::stress {

namespace {

bool is_ordinary(const std::string& name) {
    return name == "spare" ||
           std::find(std::begin(kOrdinary), std::end(kOrdinary), name) != std::end(kOrdinary);
}

/// It ends the way down for everybody, or changes who is in the tree: who had their turn before it
/// had it.
bool acts_on_the_cycle(const std::string& name, const PlannedCycle& cycle) {
    return std::any_of(cycle.faults.begin(), cycle.faults.end(), [&](const PlannedFault& fault) {
        switch (fault.kind) {
            case FaultKind::device_refuses:
            case FaultKind::device_never_ends:
            case FaultKind::call_off:
            case FaultKind::second_suspend:
            case FaultKind::device_added:
                return name == kOrdinary[fault.a];
            case FaultKind::device_removed:
                return name == kOrdinary[fault.a] || name == kOrdinary[fault.c];
            default:
                return false;
        }
    });
}

}  // namespace

bool declared_independent(const std::string& one, const std::string& other,
                          const PlannedCycle& cycle) {
    return (is_ordinary(one) || is_ordinary(other)) && !acts_on_the_cycle(one, cycle) &&
           !acts_on_the_cycle(other, cycle);
}

}  // namespace resume::stress
