// Which of its frames a domain leaves to the host: XENMEM_decrease_reservation and
// XENMEM_populate_physmap. A frame that was given is a hole, in the restored domain as well.
#pragma once

#include <cstdint>

#include "drivers/model/fwd.h"

namespace resume::model {

class Reservation {
  public:
    explicit Reservation(Machine& machine) : machine_{machine} {}

    /// How many extents were carried out, in their order up to the first that could not be; Xen's
    /// negative errno when none can be looked at.
    long operate(unsigned op, void* argument);

    /// Pages that the host has of this domain.
    [[nodiscard]] uint32_t given() const { return given_; }
    /// The host has no page left for the domain.
    bool host_is_full = false;

  private:
    Machine& machine_;
    uint32_t given_ = 0;
};

}  // namespace resume::model
