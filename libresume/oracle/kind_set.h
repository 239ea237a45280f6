// Which events a family of rules wants to see.
#pragma once

#include <initializer_list>

#include "libresume/trace.h"

namespace resume::oracle {

class KindSet {
  public:
    /// Of the hypercalls only the one that suspends.
    constexpr KindSet(std::initializer_list<EventKind> kinds) {
        for (const EventKind kind : kinds) {
            wanted_[static_cast<uint8_t>(kind)] = true;
        }
    }
    [[nodiscard]] constexpr KindSet and_every_hypercall() const {
        KindSet set = *this;
        set.every_hypercall_ = true;
        return set;
    }
    [[nodiscard]] constexpr bool has(EventKind kind) const {
        return wanted_[static_cast<uint8_t>(kind)];
    }
    [[nodiscard]] constexpr bool every_hypercall() const { return every_hypercall_; }

  private:
    bool wanted_[kEventKindCount] = {};
    bool every_hypercall_ = false;
};

}  // namespace resume::oracle
