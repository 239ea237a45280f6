#include "tests/stress/explore/independence.h"

#include <algorithm>

#include "tests/stress/campaign/faults.h"

namespace resume::stress {

namespace {

bool is_ordinary(const std::string& name, const LifePlan& plan) {
    return name == "spare" ||
           std::any_of(plan.devices.begin(), plan.devices.end(),
                       [&name](const OwnDevice& device) { return device.name == name; });
}

/// It ends the way down for everybody, or changes who is in the tree: who had their turn before it
/// had it.
bool acts_on_the_cycle(const std::string& name, const LifePlan& plan) {
    const std::vector<PlannedFault>& faults = plan.cycles.front().faults;
    return std::any_of(faults.begin(), faults.end(), [&](const PlannedFault& fault) {
        switch (fault.kind) {
            case FaultKind::device_refuses:
            case FaultKind::device_never_ends:
            case FaultKind::call_off:
            case FaultKind::second_suspend:
            case FaultKind::device_added:
                return name == plan.devices[fault.a].name;
            case FaultKind::device_removed:
                return name == plan.devices[fault.a].name || name == plan.devices[fault.c].name;
            default:
                return false;
        }
    });
}

}  // namespace

bool declared_independent(const std::string& one, const std::string& other, const LifePlan& plan) {
    return (is_ordinary(one, plan) || is_ordinary(other, plan)) && !acts_on_the_cycle(one, plan) &&
           !acts_on_the_cycle(other, plan);
}

}  // namespace resume::stress
