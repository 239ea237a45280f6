// Pages that the kernel loses while the agent watches: ras:memory_failure_event, which newer
// kernels have as memory_failure:memory_failure_event (linux: include/ras/ras_event.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace resume::agent {

struct MemoryFailure {
    uint64_t address = 0;  ///< guest-physical, of a page of 4 KiB
    std::string page{};    ///< what it was: "dirty LRU page"
    std::string result{};  ///< "Recovered", "Delayed", "Ignored", "Failed"
};

/// One line of a trace; nothing where it is no such event, or cannot be read.
[[nodiscard]] std::optional<MemoryFailure> parse_memory_failure(std::string_view line);

/// Takes this event's lines out of `trace`; what is left is for others.
std::vector<MemoryFailure> take_memory_failures(std::string& trace);

}  // namespace resume::agent
