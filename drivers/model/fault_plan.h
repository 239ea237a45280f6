// Faults by plan: which call, the how-manieth time, what happens instead. Rows are matched in
// order; the first that fits is taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "drivers/model/config.h"

namespace resume::model {

enum class FaultSite : uint8_t {
    hypercall,      ///< number = __HYPERVISOR_*, sub = its sub-operation
    store_request,  ///< number = xs_wire type
    park,           ///< number = the CPU that does not come
    port_read,      ///< number = I/O port
    msr_write,      ///< number = MSR, of a guest of KVM's
    io_write,       ///< number = port or register, of a guest of KVM's
};

inline constexpr uint32_t kAnySub = ~uint32_t{0};

struct Fault {
    FaultSite site = FaultSite::hypercall;
    uint32_t number = 0;
    uint32_t sub = kAnySub;
    uint32_t skip = 0;      ///< calls that are let through first
    uint32_t times = 1;     ///< calls that are hit after that
    int32_t error = 0;      ///< errno (positive) that the caller gets; 0 with `swallow`: success
    bool swallow = false;   ///< the act is not done, and the caller is told that it was
    Nanoseconds delay = 0;  ///< time that the call takes more; alone: it is carried out, but late
};

class FaultPlan {
  public:
    void add(const Fault& fault) { rows_.push_back({fault, 0}); }
    void clear() { rows_.clear(); }
    [[nodiscard]] std::size_t size() const { return rows_.size(); }
    /// Those added after there were so many are gone.
    void cut(std::size_t size) {
        rows_.erase(rows_.begin() + static_cast<std::ptrdiff_t>(size), rows_.end());
    }

    struct Hit {
        uint32_t index;
        Fault fault;
    };
    /// The row that this call meets; counts it.
    std::optional<Hit> meet(FaultSite site, uint32_t number, uint32_t sub = kAnySub);

  private:
    struct Row {
        Fault fault;
        uint32_t seen;
    };
    std::vector<Row> rows_;
};

}  // namespace resume::model
