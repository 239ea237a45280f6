// resumectl verify: judges traces, ours and the kernel's.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace resume::agent {

struct VerifyOptions {
    std::vector<std::string> files;  ///< "-" is standard input
    bool json = false;
};

/// Returns the exit code: unreadable before violated before inconclusive before good.
int verify(const VerifyOptions& options, std::ostream& out, std::ostream& err);

/// Adds the sub-command; it sets `exit_code` when it runs.
void add_verify_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);

}  // namespace resume::agent
