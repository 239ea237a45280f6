// I/O ports: the debug port, and on an HVM guest the device model's unplug protocol (Xen's
// docs/misc/hvm-emulated-unplug). The device model of a new domain starts with everything plugged.
#pragma once

#include <cstdint>
#include <string>

#include "drivers/model/config.h"
#include "drivers/model/fwd.h"

namespace resume::model {

class IoPorts {
  public:
    explicit IoPorts(Machine& machine) : machine_{machine} {}

    uint32_t read(uint16_t port, uint8_t width);
    void write(uint16_t port, uint32_t value, uint8_t width);

    /// What the guest unplugged: the mask's bits, 0 with a new device model.
    [[nodiscard]] uint16_t unplugged() const { return unplugged_; }
    [[nodiscard]] const std::string& debug_text() const { return debug_text_; }
    /// The device model refuses this build of the guest's drivers.
    void blacklist(bool on) { blacklisted_ = on; }
    void forget() { unplugged_ = 0; }

  private:
    Machine& machine_;
    uint16_t unplugged_ = 0;
    bool blacklisted_ = false;
    std::string debug_text_;
};

}  // namespace resume::model
