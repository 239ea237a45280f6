// Where the objects of a dead guest stay.
#pragma once

#include <initializer_list>
#include <mutex>
#include <vector>

namespace resume::test {

/// Keeps what can be neither taken apart nor freed: the stacks of a guest that died in mid-cycle
/// still point there. Never emptied and never destroyed, so that a leak checker reaches all of it.
inline void bury(std::initializer_list<const void*> dead) {
    static std::mutex& gate = *new std::mutex;
    static auto& graveyard = *new std::vector<const void*>;
    const std::lock_guard lock{gate};
    graveyard.insert(graveyard.end(), dead);
}

}  // namespace resume::test
