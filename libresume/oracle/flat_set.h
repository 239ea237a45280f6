// A set of few things: ordered, in one piece of memory that is kept, so that filling it for each
// cycle of a long trace allocates nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace resume::oracle {

template <class T>
class FlatSet {
  public:
    /// False when it was there already.
    bool insert(const T& value) {
        if (values_.empty() || values_.back() < value) {
            values_.push_back(value);
            return true;
        }
        const auto at = std::lower_bound(values_.begin(), values_.end(), value);
        if (*at == value) {
            return false;
        }
        values_.insert(at, value);
        return true;
    }
    /// False when it was not there.
    bool erase(const T& value) {
        const auto at = std::lower_bound(values_.begin(), values_.end(), value);
        if (at == values_.end() || *at != value) {
            return false;
        }
        values_.erase(at);
        return true;
    }
    [[nodiscard]] bool contains(const T& value) const {
        return std::binary_search(values_.begin(), values_.end(), value);
    }
    void clear() { values_.clear(); }
    [[nodiscard]] bool empty() const { return values_.empty(); }
    [[nodiscard]] std::size_t size() const { return values_.size(); }
    [[nodiscard]] auto begin() const { return values_.begin(); }
    [[nodiscard]] auto end() const { return values_.end(); }

  private:
    std::vector<T> values_;
};

}  // namespace resume::oracle
