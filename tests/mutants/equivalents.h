// Mutants that nothing can kill, because they change nothing that matters; each with its reason.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/mutants/mutation.h"

namespace resume::mutants {

/// The table of them, and which of its rows were needed.
class Equivalents {
  public:
    /// Why this mutant, which nobody noticed, is no worse than the original; null when it has to be
    /// killed.
    const char* reason_for(CycleKind kind, const Mutation& mutation);

    /// Rows that no mutant needed since this was made: excuses to be taken out.
    std::vector<std::string> unneeded() const;

  private:
    std::set<size_t> needed_;
};

}  // namespace resume::mutants
