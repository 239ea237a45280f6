// The sub-commands of resumectl that need no daemon: doctor, inventory, inventory diff.
#pragma once

#include <iosfwd>

namespace CLI {
class App;
}

namespace resume::agent::doctor {

/// Adds `doctor` to `app`. When it was chosen, its callback prints to `out` (errors to `err`) and
/// sets `exit_code` (see verdicts in finding.h; 64 usage, 66 input unreadable, 69 no store to
/// publish in). The streams and the code outlive the app's parsing.
void add_doctor_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);

/// Adds `inventory` and `inventory diff A B`. Exit codes: 0 the same, 1 something required or
/// expected was lost, 66 input unreadable.
void add_inventory_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);

}  // namespace resume::agent::doctor
