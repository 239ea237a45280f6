// HVM parameters: what the guest may read and write, and what a migration carries (4.2.1, 4.2.5).
#pragma once

#include <array>
#include <cstdint>

#include "drivers/model/config.h"
#include "drivers/model/fwd.h"

namespace resume::model {

class HvmParams {
  public:
    explicit HvmParams(Machine& machine) : machine_{machine} {}

    /// HVMOP_*: Xen's negative errno, or 0.
    long operate(unsigned op, void* argument);

    /// The host's own view.
    [[nodiscard]] uint64_t get(uint32_t index) const { return values_[index]; }
    void put(uint32_t index, uint64_t value) { values_[index] = value; }
    /// A new domain: only what the stream carries stays; CALLBACK_IRQ and the event channels of
    /// store and console do not.
    void keep_migrated();

  private:
    static constexpr uint32_t kCount = 64;
    long set(uint32_t index, uint64_t value);

    Machine& machine_;
    std::array<uint64_t, kCount> values_{};
};

}  // namespace resume::model
