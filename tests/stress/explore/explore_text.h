// What an exploration came to, for people and for CI.
#pragma once

#include <ostream>

#include <nlohmann/json.hpp>

#include "tests/stress/explore/explore.h"

namespace resume::stress {

void print_exploration(std::ostream& out, const ExploreOptions& options,
                       const ExploreResult& result);
[[nodiscard]] nlohmann::json to_json(const ExploreOptions& options, const ExploreResult& result);

}  // namespace resume::stress
