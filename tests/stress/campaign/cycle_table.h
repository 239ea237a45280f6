// A cycle for people: its steps with their times, and the devices that took longest.
#pragma once

#include <ostream>

#include "libresume/oracle/cycle_report.h"

namespace resume::stress {

void print_cycle(std::ostream& out, const oracle::CycleReport& report);

}  // namespace resume::stress
