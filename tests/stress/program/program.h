// resume-stress as a function: for the program of that name, and for that of a driver's author,
// which has all of its commands with the author's driver in each guest. An example of one is in
// tests/stress/template.
#pragma once

#include "tests/stress/guest/part.h"

namespace resume::stress {

struct Program {
    const char* name = "resume-stress";
    MakePart part = nullptr;               ///< a driver of the program's own
    const StepTable* table = &kStepTable;  ///< of the engine; another one is a broken one
    SpoilDrivers spoil = nullptr;          ///< breaks a driver of each life
    const char* more = "";                 ///< what its help says at the end
};

/// The exit code: 0 nothing found, 1 an invariant broken, 3 inconclusive, 4 the guest did not come
/// back whole, 5 it died, 64 usage, 66 a file that cannot be used, 70 the program's own fault.
int stress_main(int argc, char** argv, const Program& program = {});

}  // namespace resume::stress
