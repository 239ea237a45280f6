// Mutants that nothing can kill, because they change nothing that matters; each with its reason.
#pragma once

#include "tests/mutants/mutation.h"

namespace resume::mutants {

/// Why this mutant is no worse than the original; null when it has to be killed.
const char* equivalent_because(CycleKind kind, const Mutation& mutation) noexcept;

}  // namespace resume::mutants
