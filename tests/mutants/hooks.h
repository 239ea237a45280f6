// Broken hooks in place of a driver's own. One at a time in a process: each mutant has its own.
#pragma once

#include "tests/mutants/mutation.h"

namespace resume::mutants {

/// Whether `ops` has a hook in that phase.
bool has_hook(const DriverOps& ops, Phase phase) noexcept;
/// Replaces the hook of `phase` in the device's table as `change` says.
void break_hook(Device& device, Phase phase, Change change);

}  // namespace resume::mutants
