// Every invariant the project knows, with who checks it over a trace, or why nobody does.
#pragma once

#include <cstddef>

namespace resume::oracle {

struct Invariant {
    const char* id;
    const char* statement;
    const char* checked_by;  ///< family of rules, or null
    const char* reason;      ///< why no trace of such a guest can show it; null when checked
};

/// Ordered as in the families: L (Xen guest), P (device core), F (FreeBSD's lessons), D (our own).
extern const Invariant kInvariants[];
extern const size_t kInvariantCount;

}  // namespace resume::oracle
