// resumectl hooks: list, test and mask what runs around a suspend.
#pragma once

#include <iosfwd>

namespace CLI {
class App;
}

namespace resume::agent {

void add_hooks_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);

}  // namespace resume::agent
