// resumectl status, sources, prepare, release, hooks: what asks the running agent.
#pragma once

#include <iosfwd>

namespace CLI {
class App;
}

namespace resume::agent {

void add_status_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);
void add_sources_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);
void add_prepare_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);
void add_release_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);

}  // namespace resume::agent
