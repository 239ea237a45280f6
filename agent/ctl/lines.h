// Lines of a file of any size in bounded memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace resume::agent {

/// Calls `take` with each line (without its newline) and its number from 1. A line longer than
/// 64 KiB is cut there. `path` "-" is standard input. Returns why it failed, or an empty string.
[[nodiscard]] std::string for_each_line(
    const std::string& path, const std::function<void(std::string_view, uint64_t)>& take);

}  // namespace resume::agent
