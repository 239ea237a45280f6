#include "drivers/model/fault_plan.h"

namespace resume::model {

std::optional<FaultPlan::Hit> FaultPlan::meet(FaultSite site, uint32_t number, uint32_t sub) {
    for (uint32_t index = 0; index < rows_.size(); ++index) {
        Row& row = rows_[index];
        const Fault& fault = row.fault;
        if (fault.site != site || fault.number != number ||
            (fault.sub != kAnySub && sub != kAnySub && fault.sub != sub)) {
            continue;
        }
        const uint32_t seen = row.seen++;
        if (seen >= fault.skip && seen - fault.skip < fault.times) {
            return Hit{index, fault};
        }
    }
    return std::nullopt;
}

}  // namespace resume::model
