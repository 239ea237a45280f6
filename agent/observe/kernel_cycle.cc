#include "agent/observe/kernel_cycle.h"

namespace resume::agent {
namespace {

constexpr size_t kMostNames = 1U << 17;
constexpr size_t kLongestName = 200;

}  // namespace

uint32_t Names::add(std::string_view text) {
    std::string key{text.substr(0, kLongestName)};
    const auto known = index_.find(key);
    if (known != index_.end()) {
        return known->second;
    }
    if (texts_.size() >= kMostNames) {
        return 0;
    }
    texts_.push_back(key);
    const auto index = static_cast<uint32_t>(texts_.size() - 1);
    index_.emplace(std::move(key), index);
    return index;
}

const Span* KernelCycle::find(std::string_view action) const {
    for (const Span& span : spans) {
        if (names.at(span.action) == action) {
            return &span;
        }
    }
    return nullptr;
}

const Span* KernelCycle::last(std::string_view action) const {
    for (size_t i = spans.size(); i > 0; --i) {
        if (names.at(spans[i - 1].action) == action) {
            return &spans[i - 1];
        }
    }
    return nullptr;
}

std::string device_name(const std::string& key) {
    const size_t blank = key.rfind(' ');
    return blank == key.npos ? key : key.substr(blank + 1);
}

}  // namespace resume::agent
