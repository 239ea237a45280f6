// The guest's PV devices as xenstore has them. A frontend that took a new ring in a domain that it
// never left is dead, though both ends say Connected: its backend works on the old one (failure
// 53).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/observe/xenstore.h"

namespace resume::agent {

struct Frontend {
    std::string state{};
    std::string backend_state{};  ///< "unreadable" when the store does not let us
    /// What the backend holds of it: ring references and event channels, by node.
    std::map<std::string, std::string> links{};
};

/// All that have a backend, by "vbd/51712". Bounded; what the store refuses is left out.
std::map<std::string, Frontend> read_frontends(GuestStore& store);

/// "vbd/51712: state 3, backend 4" for each that is not Connected on both sides.
std::vector<std::string> unconnected(const std::map<std::string, Frontend>& frontends);

/// name -> "ring-ref 657 -> 659, ..." for each that has other links than before. After a cycle that
/// came back in the same domain, nobody told the backend.
std::map<std::string, std::string> relinked(const std::map<std::string, Frontend>& before,
                                            const std::map<std::string, Frontend>& after);

}  // namespace resume::agent
