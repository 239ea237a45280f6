#include "agent/observe/memory_failure.h"

#include <charconv>

namespace resume::agent {
namespace {

constexpr std::string_view kEvent = ": memory_failure_event: pfn 0x";
constexpr std::string_view kAction = ": recovery action for ";
constexpr unsigned kPageShift = 12;
constexpr size_t kMostText = 64;  // the kernel's own words are shorter

}  // namespace

std::optional<MemoryFailure> parse_memory_failure(std::string_view line) {
    const size_t event = line.find(kEvent);
    if (event == line.npos) {
        return std::nullopt;
    }
    line.remove_prefix(event + kEvent.size());
    uint64_t pfn = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), pfn, 16);
    line.remove_prefix(static_cast<size_t>(end - line.data()));
    const size_t colon = line.rfind(": ");
    if (error != std::errc{} || pfn > UINT64_MAX >> kPageShift || !line.starts_with(kAction) ||
        colon < kAction.size()) {
        return std::nullopt;
    }
    const std::string_view page = line.substr(kAction.size(), colon - kAction.size());
    return MemoryFailure{.address = pfn << kPageShift,
                         .page = std::string{page.substr(0, kMostText)},
                         .result = std::string{line.substr(colon + 2, kMostText)}};
}

std::vector<MemoryFailure> take_memory_failures(std::string& trace) {
    std::vector<MemoryFailure> failures;
    for (size_t at = 0; (at = trace.find(kEvent, at)) != trace.npos;) {
        const size_t before = trace.rfind('\n', at);
        const size_t begin = before == trace.npos ? 0 : before + 1;
        const size_t end = trace.find('\n', at);
        const std::string line = trace.substr(begin, end == trace.npos ? end : end - begin);
        if (auto failure = parse_memory_failure(line)) {
            failures.push_back(std::move(*failure));
        }
        trace.erase(begin, end == trace.npos ? end : end + 1 - begin);
        at = begin;
    }
    return failures;
}

}  // namespace resume::agent
