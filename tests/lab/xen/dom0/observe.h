// How a guest comes back, as dom0 sees it.
#pragma once

#include "tests/stress/real/xen/domain.h"

namespace lab {

using resume::stress::real::Clock;
using resume::stress::real::Domain;
using resume::stress::real::Milliseconds;

/// In ms; -1 = not seen.
struct Return {
    double connected_ms = -1;  ///< both ends of every device of its are connected
    double request_ms = -1;    ///< the first request reached the backend of a disk
};

/// Looks until both have been seen or the time is `until`. For a domain whose backends were closed
/// meanwhile, as Domain::restore_in_place() does.
Return watch_return(const Domain& domain, Clock::time_point since, Clock::time_point until);

}  // namespace lab
