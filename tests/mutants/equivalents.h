// Mutants that nothing can kill, because they change nothing that matters; each with its reason.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace resume::mutants {

struct Mutation;

/// `what` is the beginning of Mutation::what, `kinds` a mask of the kinds of cycle where it is let
/// off.
struct EquivalentRow {
    const char* what;
    uint32_t kinds;
    const char* reason;
};
// Of the guests of Xen's by CycleKind, of KVM's by KvmCycleKind.
std::span<const EquivalentRow> xen_equivalents();
std::span<const EquivalentRow> kvm_equivalents();

/// Such a table, and which of its rows were needed.
class Equivalents {
  public:
    explicit Equivalents(std::span<const EquivalentRow> rows) : rows_{rows} {}

    /// Why this mutant, which nobody noticed, is no worse than the original; null when it has to be
    /// killed.
    const char* reason_for(size_t kind, const Mutation& mutation);

    /// Rows that no mutant needed since this was made: excuses to be taken out.
    std::vector<std::string> unneeded() const;

  private:
    std::span<const EquivalentRow> rows_;
    std::set<size_t> needed_;
};

}  // namespace resume::mutants
