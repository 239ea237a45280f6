// resumectl history, show, timeline, reset: what was written down.
#pragma once

#include <iosfwd>

namespace CLI {
class App;
}

namespace resume::agent {

void add_history_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);
void add_show_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);
void add_timeline_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);
void add_reset_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);

}  // namespace resume::agent
