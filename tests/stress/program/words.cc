#include "tests/stress/program/words.h"

#include <CLI/CLI.hpp>

namespace resume::stress {

Bugs bugs_named(const std::vector<std::string>& words) {
    Bugs bugs;
    for (const std::string& word : words) {
        const Bug bug = bug_named(word.c_str());
        if (bug == Bug::none) {
            throw CLI::ValidationError{"unknown bug '" + word + "'"};
        }
        bugs = bugs.with(bug);
    }
    return bugs;
}

}  // namespace resume::stress
