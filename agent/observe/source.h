// What every source of evidence says of itself. All of them are optional: the agent works with what
// a kernel offers, and the report names what spoke.
#pragma once

#include <string>

namespace resume::agent {

struct SourceState {
    std::string name{};
    bool available = false;
    /// What it gives, or why it is not there.
    std::string detail{};
};

}  // namespace resume::agent
